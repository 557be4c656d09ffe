#include "text/grammar/schema_formats.h"

namespace marquee::text::grammar {
namespace {

struct Format {
  std::string_view name;
  std::string_view pattern;
};

#define MARQUEE_DATE                                                                                \
  "[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)" \
  "|02-(?:0[1-9]|1[0-9]|2[0-8]))"
#define MARQUEE_TIME \
  "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,9})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
#define MARQUEE_LABEL "[A-Za-z0-9](?:[A-Za-z0-9]{0,30}|[A-Za-z0-9]{1,15}-[A-Za-z0-9]{1,15})"
#define MARQUEE_BYTE "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"

constexpr Format kFormats[] = {
    {"date", "^" MARQUEE_DATE "$"},
    {"time", "^" MARQUEE_TIME "$"},
    {"date-time", "^" MARQUEE_DATE "T" MARQUEE_TIME "$"},
    {"duration",
     "^P(?:[0-9]{1,4}W|[0-9]{1,4}D(?:T[0-9]{1,4}H)?|[0-9]{1,4}Y(?:[0-9]{1,4}M(?:[0-9]{1,4}D)?)?|[0-9]{1,4}M(?:[0-9]{1,"
     "4}D)?|T(?:[0-9]{1,4}H(?:[0-9]{1,4}M(?:[0-9]{1,4}S)?)?|[0-9]{1,4}M(?:[0-9]{1,4}S)?|[0-9]{1,4}S))$"},
    {"email", "^[A-Za-z0-9_+-]{1,32}(?:\\.[A-Za-z0-9_+-]{1,16}){0,3}@" MARQUEE_LABEL "(?:\\." MARQUEE_LABEL "){1,3}$"},
    {"hostname", "^" MARQUEE_LABEL "(?:\\." MARQUEE_LABEL "){0,3}$"},
    {"ipv4", "^" MARQUEE_BYTE "(?:\\." MARQUEE_BYTE "){3}$"},
    {"ipv6", "^[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){7}$"},
    {"uuid", "^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$"},
    {"uri", "^[A-Za-z][A-Za-z0-9+.-]{0,15}://" MARQUEE_LABEL "(?:\\." MARQUEE_LABEL
            "){0,3}(?::[0-9]{1,4})?(?:/[A-Za-z0-9._~!$&'()*+,;=:@-]*)*(?:\\?[A-Za-z0-9._~!$&'()*+,;=:@/?-]*)?"
            "(?:#[A-Za-z0-9._~!$&'()*+,;=:@/?-]*)?$"},
};

}  // namespace

std::optional<std::string_view> format_pattern(std::string_view format) {
  for (const Format& known : kFormats) {
    if (known.name == format) return known.pattern;
  }
  return std::nullopt;
}

std::string_view known_formats() { return "date, time, date-time, duration, email, hostname, ipv4, ipv6, uuid, uri"; }

}  // namespace marquee::text::grammar
