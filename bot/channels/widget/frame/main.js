// The page in the iframe: puts core and views together.

import { Api } from "./core/api.js";
import { Host, hostOrigin } from "./core/host.js";
import { chooseLanguage } from "./core/language.js";
import { Session } from "./core/session.js";
import { Store } from "./core/store.js";
import { App } from "./view/app.js";
import { h, ReactDOM } from "./view/kit.js";

const HTML_LANG = { "zh-Hans": "zh-CN", "zh-Hant": "zh-TW", en: "en" };

async function begin() {
  const page = document.documentElement;
  const config = { origins: [], demo: false, product_url: null, upload: null, ...JSON.parse(page.dataset.config || "{}") };
  const lang = chooseLanguage(new URLSearchParams(location.search).get("lang"), navigator.languages ?? []);
  const [{ WORDS }, { VIEWS }] = await Promise.all([import(`./words/${lang}.js`), import(`./words/views-${lang}.js`)]);
  const words = { ...VIEWS, ...WORDS };
  page.lang = HTML_LANG[lang];
  document.title = words.title;
  const api = new Api(lang);
  const host = new Host(hostOrigin(location.search, config.origins));
  const store = new Store();
  const session = new Session({ api, store, host });
  const tools = { words, lang, config, api, host, store, session };
  ReactDOM.createRoot(document.getElementById("app")).render(h(App, { tools }));
  session.start();
}

begin();
