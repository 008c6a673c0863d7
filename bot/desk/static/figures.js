// Draws each plot of the figures from the table below it: whoever cannot see the one reads the other.
(() => {
  "use strict";

  const STYLES = ["power", "perfect", "peace", "lively", "neutral"];
  const charts = [];

  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const value = (cell) => (cell.dataset.value === "" ? null : Number(cell.dataset.value));

  /** Read a table: names of its columns and, for each row, code, label, values and texts. */
  function read(table) {
    const head = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
    const rows = [...table.tBodies[0].rows].map((row) => {
      const [first, ...cells] = row.cells;
      return {
        code: row.dataset.code,
        label: first.textContent.trim(),
        values: cells.map(value),
        texts: cells.map((cell) => cell.textContent.trim()),
      };
    });
    return { head, rows };
  }

  const axis = () => ({
    axisLine: { lineStyle: { color: token("line") } },
    axisTick: { show: false },
    axisLabel: { color: token("muted"), hideOverlap: true },
    splitLine: { lineStyle: { color: token("line") } },
  });

  /** The tooltip is drawn on the canvas, for styles in HTML are not allowed here. */
  function tooltip(rows, head) {
    return {
      trigger: "axis",
      renderMode: "richText",
      confine: true,
      axisPointer: { type: "shadow", shadowStyle: { color: token("line"), opacity: 0.35 } },
      backgroundColor: token("raised"),
      borderColor: token("line"),
      textStyle: { color: token("text"), fontSize: 13 },
      formatter: (found) => {
        const row = rows[(Array.isArray(found) ? found[0] : found).dataIndex];
        return [row.label, ...row.texts.map((text, index) => `${head[index + 1]}  ${text}`)].join("\n");
      },
    };
  }

  const shortDay = (code) => code.slice(5).replace("-", "/").replace(/^0/, "");

  function days({ head, rows }) {
    return {
      grid: { left: 8, right: 8, top: 16, bottom: 4, containLabel: true },
      xAxis: { type: "category", data: rows.map((row) => shortDay(row.code)), ...axis() },
      yAxis: { type: "value", minInterval: 1, ...axis() },
      tooltip: tooltip(rows, head),
      series: [{
        type: "bar", name: head[1], data: rows.map((row) => row.values[0]), barMaxWidth: 28,
        itemStyle: { color: token("accent"), borderRadius: [4, 4, 0, 0] },
      }],
    };
  }

  /** Lengths of time, in minutes; where nothing was measured the line has a gap. */
  function lengths({ head, rows }) {
    const minutes = (seconds) => (seconds === null ? null : Math.round(seconds / 6) / 10);
    return {
      grid: { left: 8, right: 12, top: 36, bottom: 4, containLabel: true },
      legend: { top: 0, left: 0, itemWidth: 16, textStyle: { color: token("muted") } },
      xAxis: { type: "category", data: rows.map((row) => shortDay(row.code)), ...axis() },
      yAxis: { type: "value", ...axis(), axisLabel: { color: token("muted"), formatter: "{value} 分" } },
      tooltip: tooltip(rows, head),
      series: [0, 1].map((column) => ({
        type: "line", name: head[column + 1], data: rows.map((row) => minutes(row.values[column])),
        symbol: column ? "emptyCircle" : "circle", symbolSize: 7, connectNulls: false,
        lineStyle: { color: token(column ? "wait" : "accent"), type: column ? "dashed" : "solid" },
        itemStyle: { color: token(column ? "wait" : "accent") },
      })),
    };
  }

  function shares({ head, rows }, key) {
    const colour = (code) => token(key === "by_style" && STYLES.includes(code) ? code : "accent");
    const upward = [...rows].reverse(); // a plot's axis begins at the bottom
    return {
      grid: { left: 8, right: 56, top: 4, bottom: 4, containLabel: true },
      xAxis: { type: "value", minInterval: 1, show: false },
      yAxis: { type: "category", data: upward.map((row) => row.label), ...axis(), axisLine: { show: false }, axisLabel: { color: token("text") } },
      tooltip: tooltip(upward, head),
      series: [{
        type: "bar", name: head[1], barMaxWidth: 20,
        data: upward.map((row) => ({ value: row.values[0], itemStyle: { color: colour(row.code), borderRadius: [0, 4, 4, 0] } })),
        label: { show: true, position: "right", color: token("text"), formatter: ({ dataIndex }) => upward[dataIndex].texts.join(" · ") },
      }],
    };
  }

  const PLOTS = { days, lengths, shares };

  function draw({ chart, canvas, content }) {
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const options = PLOTS[canvas.dataset.plot](content, canvas.dataset.key);
    const font = getComputedStyle(document.body).fontFamily;
    chart.setOption({ animation: !still, animationDuration: 300, textStyle: { fontFamily: font }, ...options }, true);
  }

  for (const canvas of document.querySelectorAll(".canvas[data-plot]")) {
    const details = canvas.parentElement.querySelector("details");
    const content = read(details.querySelector("table"));
    canvas.hidden = false;
    if (canvas.dataset.plot === "shares") canvas.style.height = `${Math.max(3, content.rows.length * 2.25)}rem`;
    details.open = false;
    const one = { chart: echarts.init(canvas, null, { renderer: "canvas" }), canvas, content };
    charts.push(one);
    draw(one);
    new ResizeObserver(() => one.chart.resize()).observe(canvas);
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => charts.forEach(draw));
})();
