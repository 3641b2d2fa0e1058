// Draws the charts in the colours of the style sheet; again when the reader changes between light and dark.
const charts = JSON.parse(document.getElementById("charts").textContent);
const dark = matchMedia("(prefers-color-scheme: dark)");

function config(narrow) {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  const text = { labelColor: colour("text"), titleColor: colour("muted"), labelFontSize: narrow ? 11 : 12, titleFontSize: 12,
                 titleFontWeight: "normal" };
  return {
    background: "transparent",
    font: "system-ui, sans-serif",
    view: { stroke: null },
    axis: { ...text, gridColor: colour("line"), domainColor: colour("line"), tickColor: colour("line"),
            labelLineHeight: 12, labelLimit: narrow ? 160 : 320 },
    legend: text,
    range: { category: [colour("accent"), colour("warn"), colour("soft"), colour("limit")] },
    style: {
      bar: { color: colour("accent"), cornerRadiusEnd: 3 },
      figure: { color: colour("text"), fontSize: 12 },
      interval: { color: colour("soft"), strokeWidth: 6, strokeCap: "round" },
      dot: { color: colour("accent"), filled: true, size: 70, opacity: 1 },
      limit: { color: colour("limit"), strokeDash: [5, 4], strokeWidth: 1.5 },
    },
  };
}

function draw() {
  for (const [anchor, chart] of Object.entries(charts)) {
    const place = document.getElementById(`chart-${anchor}`);
    const narrow = place.clientWidth < 440;
    chart.params = [{ name: "narrow", value: narrow }];
    vegaEmbed(place, chart, { actions: false, renderer: "svg", config: config(narrow) })
      .then(() => place.querySelector("svg")?.setAttribute("aria-hidden", "true"));
  }
}

draw();
dark.addEventListener("change", draw);
