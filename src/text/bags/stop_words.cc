#include "text/bags/stop_words.h"

#include <algorithm>
#include <array>

namespace marquee::text::bags {

using base::Result;

namespace {

struct Language {
  std::string_view code;
  std::string_view words;  // by spaces
};

// The Glasgow Information Retrieval Group's list, with its misspellings.
constexpr std::string_view kEnglish =
    "a about above across after afterwards again against all almost alone along already also although always am among "
    "amongst amoungst amount an and another any anyhow anyone anything anyway anywhere are around as at back be "
    "became because become becomes becoming been before beforehand behind being below beside besides between beyond "
    "bill both bottom but by call can cannot cant co con could couldnt cry de describe detail do done down due during "
    "each eg eight either eleven else elsewhere empty enough etc even ever every everyone everything everywhere "
    "except few fifteen fifty fill find fire first five for former formerly forty found four from front full further "
    "get give go had has hasnt have he hence her here hereafter hereby herein hereupon hers herself him himself his "
    "how however hundred i ie if in inc indeed interest into is it its itself keep last latter latterly least less "
    "ltd made many may me meanwhile might mill mine more moreover most mostly move much must my myself name namely "
    "neither never nevertheless next nine no nobody none noone nor not nothing now nowhere of off often on once one "
    "only onto or other others otherwise our ours ourselves out over own part per perhaps please put rather re same "
    "see seem seemed seeming seems serious several she should show side since sincere six sixty so some somehow "
    "someone something sometime sometimes somewhere still such system take ten than that the their them themselves "
    "then thence there thereafter thereby therefore therein thereupon these they thick thin third this those though "
    "three through throughout thru thus to together too top toward towards twelve twenty two un under until up upon "
    "us very via was we well were what whatever when whence whenever where whereafter whereas whereby wherein "
    "whereupon wherever whether which while whither who whoever whole whom whose why will with within without would "
    "yet you your yours yourself yourselves";

// Articles, pronouns, prepositions, conjunctions and the usual forms of auxiliary verbs.
constexpr std::string_view kGerman =
    "aber alle allem allen aller alles als also am an andere anderen auch auf aus bei beim bin bis bist da damit dann "
    "das dass dein deine dem den denn der des dich die dies diese diesem diesen dieser dieses dir doch dort du durch "
    "ein eine einem einen einer eines er es euch euer eure für gegen gewesen hab habe haben hat hatte hatten hier hin "
    "hinter ich ihm ihn ihnen ihr ihre ihrem ihren ihrer im in indem ins ist jede jedem jeden jeder jedes jene jener "
    "jetzt kann kein keine keinem keinen keiner können könnte machen man manche mein meine meinem meinen meiner mich "
    "mir mit muss musste nach nicht nichts noch nun nur ob oder ohne sehr sein seine seinem seinen seiner seit sich "
    "sie sind so solche soll sollte sondern sonst über um und uns unser unsere unter viel vom von vor war waren warst "
    "was weg weil weiter welche welchem welchen welcher welches wenn wer werde werden wie wieder will wir wird wirst "
    "wo wollen wollte würde würden zu zum zur zwar zwischen";
constexpr std::string_view kSpanish =
    "a al algo algunas algunos ante antes aquel aquella aquellas aquellos aquí así aunque bajo bien cada como con "
    "contra cual cuales cuando cuanto de del desde donde dos durante e el él ella ellas ellos en entre era eran eras "
    "es esa esas ese eso esos esta está estaba estaban estado estamos están estar estas este esto estos estoy fue "
    "fueron fui ha había habían han has hasta hay he hemos la las le les lo los más me mi mí mientras mis mucho muchos "
    "muy nada ni no nos nosotros nuestra nuestras nuestro nuestros o os otra otras otro otros para pero poco por "
    "porque pues que qué quien quién quienes se sea sean según ser si sí sido siempre sin sino sobre solo sólo somos "
    "son soy su sus suya suyo también tampoco tan tanto te tenemos tener tengo ti tiene tienen toda todas todavía todo "
    "todos tras tu tú tus un una unas uno unos usted ustedes va vosotros y ya yo";
constexpr std::string_view kFrench =
    "à afin ai aie aient ainsi alors après as au aucun aucune aussi autre autres aux avaient avais avait avant avec "
    "avez avoir avons ayant c car ce ceci cela celle celles celui ces cet cette ceux chaque chez ci comme comment d "
    "dans de des donc dont du elle elles en encore entre es est et étaient étais était étant été être eu eux fait "
    "furent fut il ils j je l la là le les leur leurs lors lorsque lui m ma mais me même mêmes mes moi moins mon n ne "
    "ni non nos notre nous on ont ou où par parce pas pendant peu peut plus pour pourquoi puis qu quand que quel "
    "quelle quelles quels qui quoi s sa sans se sera serait ses si sien son sont sous suis sur t ta tandis te tes toi "
    "ton tous tout toute toutes très tu un une vers voici voilà vos votre vous y";
constexpr std::string_view kItalian =
    "a abbiamo ad agli ai al alla alle allo allora altra altre altri altro anche ancora avere aveva avevano avevo c "
    "che chi ci ciò coi col come con contro cosa così cui d da dagli dai dal dalla dalle dallo degli dei del dell "
    "della delle dello dentro di dopo dov dove due e è ed era erano ero essere fa fra fu furono gli ha hai hanno ho i "
    "il in io l la là le lei li lì lo loro lui ma me mentre mi mia mie miei mio molto ne negli nei nel nell nella "
    "nelle nello no noi non nostra nostre nostri nostro o ogni oppure ora per perché però più poco poi prima qua "
    "quale quali quando quanto quasi quella quelle quelli quello questa queste questi questo qui quindi sarà se sei "
    "sempre senza si sì sia siamo siete solo sono sopra sotto sta stata state stati stato su sua sue sugli sui sul "
    "sulla sulle sullo suo suoi te ti tra troppo tu tua tue tuo tuoi tutta tutte tutti tutto un una uno v vi voi "
    "vostra vostre vostri vostro";
constexpr std::string_view kPortuguese =
    "a à ainda além algo alguém algum alguma algumas alguns ante antes ao aos apenas após aquela aquelas aquele "
    "aqueles aqui aquilo as às assim até cada com como contra da das de dela delas dele deles depois desde dessa "
    "desse desta deste do dos durante e é ela elas ele eles em enquanto entre era eram essa essas esse esses esta está "
    "estamos estão estar estas estava estavam este estes estou eu foi fomos for fora foram fosse há isso isto já la "
    "lá lhe lhes lo logo mais mas me mesma mesmo meu meus minha minhas muita muito muitos na nada não nas nem nenhum "
    "nessa nesse nesta neste no nos nós nossa nossas nosso nossos num numa o onde ora os ou outra outras outro outros "
    "para pela pelas pelo pelos per perante pode podem pois por porque porquê quais qual quando quanto que quê quem se "
    "seja sejam sem sempre sendo ser será serão seu seus si sido sob sobre somos sou sua suas são só também tão te tem "
    "têm temos tenha tenho ter teu teus teve ti tinha tinham toda todas todo todos tu tua tuas tudo um uma umas uns "
    "vai você vocês vos vós";

constexpr std::array<Language, 6> kLanguages = {
    {{"en", kEnglish}, {"de", kGerman}, {"es", kSpanish}, {"fr", kFrench}, {"it", kItalian}, {"pt", kPortuguese}}};

}  // namespace

Result<std::vector<std::string>> stop_words(std::string_view language) {
  if (language == "english") language = "en";
  for (const Language& known : kLanguages) {
    if (known.code != language) continue;
    std::vector<std::string> words;
    for (std::size_t at = 0; at < known.words.size();) {
      const std::size_t end = std::min(known.words.find(' ', at), known.words.size());
      words.emplace_back(known.words.substr(at, end - at));
      at = end + 1;
    }
    return words;
  }
  return base::invalid_argument(
      "stop_language must be one of en, de, es, fr, it, pt, or empty; for another language "
      "give its words as stop_words",
      "stop_language");
}

}  // namespace marquee::text::bags
