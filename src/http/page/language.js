
// The language of a page. Each page has a function `update`, which writes its texts.

const byId = (id) => document.getElementById(id);
let language = initialLanguage();
let words = WORDS[language];

function initialLanguage() {
  let kept = null;
  try {
    kept = localStorage.getItem("nabiz-language");
  } catch {
    // Without storage the language of the browser decides each time.
  }
  if (kept in WORDS) return kept;
  return navigator.language.toLowerCase().startsWith("tr") ? "tr" : "en";
}

byId("language").addEventListener("click", () => {
  language = language === "tr" ? "en" : "tr";
  try {
    localStorage.setItem("nabiz-language", language);
  } catch {
    // Without storage the choice lasts until the page is left.
  }
  speak();
});

function speak() {
  words = WORDS[language];
  document.documentElement.lang = language;
  const button = byId("language");
  put(button, words.other);
  button.lang = language === "tr" ? "en" : "tr";
  update();
}
