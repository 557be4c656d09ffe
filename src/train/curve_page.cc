#include <algorithm>
#include <cmath>
#include <cstdio>

#include "train/curve_log.h"

namespace marquee::train {
namespace {

constexpr double kWidth = 640.0;
constexpr double kHeight = 220.0;
constexpr double kLeft = 64.0;  // of the plot, beside the numbers
constexpr double kBottom = 24.0;
constexpr std::size_t kMostPoints = 1000;  // of a line: more than it has pixels

struct Point {
  double x = 0.0;
  double y = 0.0;
};

struct Curve {
  std::string name;
  std::vector<Point> points;
};

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '&': out += "&amp;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string digits(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.4g", value);
  return text;
}

void add_point(std::vector<Curve>& curves, const std::string& name, Point point) {
  if (!std::isfinite(point.y)) return;
  const auto found = std::find_if(curves.begin(), curves.end(), [&](const Curve& curve) { return curve.name == name; });
  (found == curves.end() ? curves.emplace_back(Curve{name, {}}) : *found).points.push_back(point);
}

/// Means of neighbours, so that a line has no more points than can be seen.
std::vector<Point> thinned(const std::vector<Point>& points) {
  const std::size_t group = (points.size() + kMostPoints - 1) / kMostPoints;
  if (group <= 1) return points;
  std::vector<Point> means;
  for (std::size_t begin = 0; begin < points.size(); begin += group) {
    const std::size_t end = std::min(points.size(), begin + group);
    Point mean;
    for (std::size_t i = begin; i < end; ++i) {
      mean.x += points[i].x / static_cast<double>(end - begin);
      mean.y += points[i].y / static_cast<double>(end - begin);
    }
    means.push_back(mean);
  }
  return means;
}

std::string svg_text(double x, double y, const char* anchor, const std::string& text) {
  return "<text x=\"" + digits(x) + "\" y=\"" + digits(y) + "\" text-anchor=\"" + anchor + "\">" + text + "</text>";
}

std::string svg_of(const Curve& curve) {
  const std::vector<Point> points = thinned(curve.points);
  const auto ends =
      std::minmax_element(points.begin(), points.end(), [](const Point& a, const Point& b) { return a.y < b.y; });
  const double low = ends.first->y, high = ends.second->y;
  const double first = points.front().x, last = points.back().x;
  const auto at_x = [&](double x) {
    return kLeft + (last > first ? (x - first) / (last - first) : 0.5) * (kWidth - kLeft - 8);
  };
  const auto at_y = [&](double y) {
    const double part = high > low ? (y - low) / (high - low) : 0.5;
    return 8 + (1.0 - part) * (kHeight - kBottom - 16);
  };
  std::string line;
  for (const Point& point : points) line += digits(at_x(point.x)) + "," + digits(at_y(point.y)) + " ";
  std::string svg = "<svg viewBox=\"0 0 640 220\" role=\"img\" aria-label=\"" + escaped(curve.name) + "\">";
  for (const double y : {low, high}) {
    svg += "<line x1=\"64\" x2=\"632\" y1=\"" + digits(at_y(y)) + "\" y2=\"" + digits(at_y(y)) + "\"/>";
    svg += svg_text(kLeft - 6, at_y(y) + 4, "end", digits(y));
  }
  svg += svg_text(kLeft, kHeight - 6, "start", digits(first)) + svg_text(kWidth - 8, kHeight - 6, "end", digits(last));
  return svg + "<polyline points=\"" + line + "\"/></svg>";
}

}  // namespace

std::string curve_page(std::string_view title, std::span<const Report> reports) {
  std::vector<Curve> curves;
  for (const Report& report : reports) {
    const auto step = static_cast<double>(report.step);
    add_point(curves, "training loss", {step, report.loss});
    for (const Metric& metric : report.validation) add_point(curves, "validation " + metric.name, {step, metric.value});
    add_point(curves, "rate of learning", {step, report.rate});
    if (report.epsilon) add_point(curves, "privacy spent (epsilon)", {step, *report.epsilon});
  }
  std::string page = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>" + escaped(title) +
                     "</title>\n<style>"
                     "body{font:14px system-ui,sans-serif;max-width:680px;margin:2em auto;color:#222;background:#fff}"
                     "svg{width:100%;font-size:11px;fill:#555}polyline{fill:none;stroke:#2563eb;stroke-width:1.5}"
                     "line{stroke:#ddd}h2{font-size:14px;margin:1.5em 0 0}</style></head>\n<body><h1>" +
                     escaped(title) + "</h1>\n";
  if (!reports.empty()) {
    const Report& last = reports.back();
    page += "<p>Step " + std::to_string(last.step) + " of " + std::to_string(last.total_steps) + ", " +
            digits(last.elapsed_s) + " s, loss " + digits(last.loss) + "</p>\n";
  }
  for (const Curve& curve : curves) page += "<h2>" + escaped(curve.name) + "</h2>\n" + svg_of(curve) + "\n";
  return page + "</body></html>\n";
}

}  // namespace marquee::train
