// Draws Vega-Lite charts in the page's colours. Expressions are interpreted, so that no code is made from text.
const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function config() {
  const ink = style("--ink"), soft = style("--soft"), line = style("--line");
  return {
    background: null, font: "system-ui, sans-serif", view: { stroke: null }, padding: { left: 0, right: 6, top: 6, bottom: 4 },
    axis: { labelColor: soft, gridColor: line, domainColor: line, tickColor: line, labelFontSize: 12 },
    axisX: { labelOverlap: true, labelFlush: true }, axisY: { tickCount: 4, format: ".4~g" },
    style: {
      trend: { color: soft, strokeWidth: 1.2, opacity: 0.7 }, reading: { opacity: 1 },
      interval: { color: soft, opacity: 0.45, strokeWidth: 1 }, limit: { color: style("--fail"), strokeDash: [5, 4] },
      baseline: { color: style("--pass"), strokeWidth: 1.2 }, event: { color: style("--refused"), strokeWidth: 1.5, strokeDash: [2, 2] },
      tolerance: { color: style("--refused"), strokeDash: [5, 4] }, band: { color: style("--accent"), opacity: 0.16 },
      foreseen: { color: style("--accent"), strokeDash: [3, 3], strokeWidth: 1.2 }, breach: { color: style("--fail"), strokeWidth: 6, opacity: 0.55 },
      signal: { color: style("--refused"), strokeWidth: 2, filled: false },
    },
  };
}

// Numbers and dates as the language of the page writes them; English is what the library does by itself.
const LOCALES = {
  de: {
    number: { decimal: ",", thousands: ".", grouping: [3], currency: ["", " €"] },
    time: {
      dateTime: "%A, der %e. %B %Y, %X", date: "%d.%m.%Y", time: "%H:%M:%S", periods: ["AM", "PM"],
      days: ["Sonntag", "Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag"], shortDays: ["So", "Mo", "Di", "Mi", "Do", "Fr", "Sa"],
      months: ["Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"],
      shortMonths: ["Jan", "Feb", "Mär", "Apr", "Mai", "Jun", "Jul", "Aug", "Sep", "Okt", "Nov", "Dez"] },
  },
};

const colours = (text) => text.replaceAll('"@fail"', JSON.stringify(style("--fail"))).replaceAll('"@ink"', JSON.stringify(style("--ink")));

async function load(figure) {
  const answer = await fetch(figure.dataset.chart, { headers: { accept: "application/json" } });
  if (!answer.ok) { figure.querySelector(".drawing").textContent = "–"; return; }
  figure.spec = await answer.text();
  draw(figure);
}

function draw(figure) {
  if (!figure.spec) return;
  const place = figure.querySelector(".drawing");
  const plain = JSON.parse(colours(figure.spec));
  delete plain.title; delete plain.data;
  const wanted = { ...plain, $schema: "https://vega.github.io/schema/vega-lite/v6.json", config: config(), autosize: { type: "fit", contains: "padding" } };
  wanted.width = Math.max(place.clientWidth, 120);
  wanted.height = 166;
  const ready = vega.parse(vegaLite.compile(wanted).spec, null, { ast: true });
  figure.view?.finalize();
  place.replaceChildren();
  figure.querySelector(".prospect").textContent = plain.usermeta.prospect;
  figure.view = new vega.View(ready, { locale: LOCALES[document.documentElement.lang], renderer: "canvas", container: place, hover: true, expr: vega.expressionInterpreter });
  figure.view.tooltip((_handler, _event, _item, value) => { place.title = value ? Object.entries(value).map(([k, v]) => `${k}: ${v}`).join("\n") : ""; });
  figure.view.runAsync();
}

const figures = [...document.querySelectorAll("[data-chart]")];
const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) { seen.unobserve(entry.target); load(entry.target); }
}, { rootMargin: "300px" });
figures.forEach((figure) => seen.observe(figure));
document.addEventListener("themechange", () => figures.forEach(draw));
let waiting;
addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(() => figures.forEach(draw), 150); });
