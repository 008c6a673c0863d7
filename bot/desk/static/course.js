// The belief over the turns as lines. ECharts is fetched when the chart is first looked at.
const NAMES = { power: "力量型", perfect: "完美型", peace: "和平型", lively: "活泼型" };
let loading = null;

function library(address) {
  loading ??= new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = address;
    script.addEventListener("load", done);
    script.addEventListener("error", failed);
    document.head.append(script);
  });
  return loading;
}

/** Draw the course into `box`, once. */
export async function course(box, address) {
  if (!box || box.dataset.drawn) return;
  box.dataset.drawn = "1";
  const points = JSON.parse(box.dataset.course);
  await library(address);
  if (!box.isConnected) return;
  const style = getComputedStyle(box);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  const chart = window.echarts.init(box, null);
  const labels = points.map((point) => point.at.slice(11, 16));
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  chart.setOption({
    animation: !still,
    animationDuration: 300,
    textStyle: { fontFamily: style.fontFamily },
    grid: { left: 36, right: 10, top: 30, bottom: 22 },
    legend: { top: 0, left: 0, itemWidth: 14, itemHeight: 8, textStyle: { color: colour("muted"), fontSize: 12 } },
    tooltip: {
      trigger: "axis", renderMode: "richText", confine: true, backgroundColor: colour("raised"), borderColor: colour("line"),
      textStyle: { color: colour("text"), fontSize: 12 }, valueFormatter: (value) => `${Math.round(value * 100)}%`,
    },
    xAxis: { type: "category", data: labels, boundaryGap: points.length === 1, axisLine: { lineStyle: { color: colour("line") } }, axisLabel: { color: colour("muted"), fontSize: 11 }, axisTick: { show: false } },
    yAxis: { type: "value", min: 0, max: 1, interval: 0.5, axisLabel: { color: colour("muted"), fontSize: 11, formatter: (value) => `${value * 100}%` }, splitLine: { lineStyle: { color: colour("line") } } },
    series: Object.entries(NAMES).map(([kind, name]) => ({
      name, type: "line", data: points.map((point) => point[kind]), symbol: { power: "circle", perfect: "rect", peace: "triangle", lively: "diamond" }[kind],
      symbolSize: 6, lineStyle: { width: 2 }, itemStyle: { color: colour(kind) }, color: colour(kind),
    })),
  });
  new ResizeObserver(() => chart.resize()).observe(box);
}
