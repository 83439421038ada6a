// The page "Try it": sliders, and what an answer earns. It asks no server and needs no library.
// tests/test_try_it.py moves the sliders in a browser and compares every figure with the Python functions.
(() => {
  "use strict";

  const SLIDERS = [
    { name: "answer", label: "Your answer", low: 0, high: 100, step: 0.5, start: 58, unit: "points" },
    { name: "mos", label: "MOS of the picture", low: 0, high: 100, step: 0.5, start: 70, unit: "points" },
    { name: "tolerance", label: "Tolerance of the bell", low: 1, high: 40, step: 0.25, start: 8.75, unit: "points" },
    { name: "temperature", label: "Temperature of the ranking", low: 2, high: 60, step: 0.5, start: 14.5, unit: "points" },
    { name: "centre", label: "Centre of the other seven answers", low: 0, high: 100, step: 0.5, start: 55, unit: "points" },
    { name: "spread", label: "Spread of the other seven answers", low: 0, high: 30, step: 0.5, start: 8, unit: "points" },
  ];
  const FORMS = {
    matched: "KL, matched dispersion",
    observer: "KL, observer dispersion",
    margin: "margin",
  };
  const EXAMPLES = [
    { label: "Start", set: {} },
    { label: "A hit", set: { answer: 70 } },
    { label: "Far away, narrow bell", set: { answer: 20, centre: 25, tolerance: 4 } },
    { label: "Far away, wide bell", set: { answer: 20, centre: 25, tolerance: 30 } },
    { label: "A group that agrees", set: { answer: 60, centre: 60, spread: 0 } },
    { label: "All answers 10 too high", set: { answer: 80, centre: 80, spread: 5 } },
  ];
  const WIDENING = 0.8;
  const LOSS_SCALE = 0.2;
  const QUANTILES = [-1.5, -0.9, -0.4, 0, 0.4, 0.9, 1.5]; // of the other seven answers, in spreads
  const OPPONENTS = [ // other pictures: MOS, mean answer and variance of the answers
    { mos: 20, mean: 27, variance: 25 },
    { mos: 35, mean: 33, variance: 25 },
    { mos: 50, mean: 54, variance: 25 },
    { mos: 65, mean: 61, variance: 25 },
    { mos: 85, mean: 80, variance: 25 },
  ];

  // ---------------------------------------------------------------- the formulas, as in tatar_rewards.functional

  function gaussianReward(answer, state) {
    const error = Math.abs(answer - state.mos);
    const width = state.tolerance / Math.sqrt(2 * Math.log(2)) * (1 + WIDENING * error / 100);
    return Math.exp(-0.5 * (error / width) ** 2);
  }

  const softplus = (z) => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));

  function pairLoss(answer, opponent, state, ownVariance) {
    const t = state.temperature;
    const s = state.form === "observer" ? Math.sqrt(t * t + ownVariance + opponent.variance) : t;
    const predicted = (answer - opponent.mean) / s;
    const target = (state.mos - opponent.mos) / t;
    if (state.form === "margin") return 1 - Math.exp(-0.5 * (predicted - target) ** 2);
    const factor = Math.PI / Math.sqrt(3); // a logistic function of standard deviation 1
    const p = 1 / (1 + Math.exp(-factor * target));
    const entropy = softplus(factor * target) - p * factor * target;
    return softplus(factor * predicted) - p * factor * predicted - entropy;
  }

  function rankReward(answer, state) {
    const ownVariance = variance(groupOf(state), 0);
    const losses = OPPONENTS.map((opponent) => pairLoss(answer, opponent, state, ownVariance));
    const loss = mean(losses);
    return state.form === "margin" ? 1 - loss : (1 + Math.max(loss, 0) / LOSS_SCALE) ** -2;
  }

  const clip = (value) => Math.min(100, Math.max(0, value));
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

  function variance(values, missing) {
    const centre = mean(values);
    return values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - missing);
  }

  const groupOf = (state) => [state.answer, ...QUANTILES.map((z) => clip(state.centre + z * state.spread))];

  const earned = (reward, answer, state) => reward(answer, { ...state, answer }); // by your answer, were it this one

  function slope(reward, state) {
    const step = 1e-3;
    return (earned(reward, state.answer + step, state) - earned(reward, state.answer - step, state)) / (2 * step);
  }

  function advantage(reward, state) { // as TRL divides by the standard deviation of the group
    const rewards = groupOf(state).map((answer) => reward(answer, state));
    return (rewards[0] - mean(rewards)) / (Math.sqrt(variance(rewards, 1)) + 1e-4);
  }

  function figuresOf(state) {
    return {
      gaussian: gaussianReward(state.answer, state),
      gaussian_slope: slope(gaussianReward, state),
      gaussian_advantage: advantage(gaussianReward, state),
      rank: rankReward(state.answer, state),
      rank_slope: slope(rankReward, state),
      rank_advantage: advantage(rankReward, state),
    };
  }

  // ---------------------------------------------------------------- the form

  const STARTS = Object.fromEntries([...SLIDERS.map((s) => [s.name, s.start]), ["form", "matched"]]);

  function startOf(hash) { // #answer=60&mos=70 sets sliders; what it lacks or gets wrong keeps its start
    const state = { ...STARTS };
    const given = new URLSearchParams(hash.replace(/^#/, ""));
    for (const { name, low, high } of SLIDERS) {
      const value = given.has(name) ? Number(given.get(name)) : NaN;
      if (value >= low && value <= high) state[name] = value;
    }
    if (given.get("form") in FORMS) state.form = given.get("form");
    return state;
  }

  function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  function sliderRow({ name, label, low, high, step, unit }) {
    const id = `try-${name}`;
    return element("div", { class: "try-row" },
      element("label", { for: id }, label),
      element("input", { type: "range", id, name, min: low, max: high, step }),
      element("output", { for: id, "data-unit": unit }));
  }

  function formRow() {
    const options = Object.entries(FORMS).map(([value, label]) => element("option", { value }, label));
    return element("div", { class: "try-row" },
      element("label", { for: "try-form" }, "Form of the ranking"),
      element("select", { id: "try-form", name: "form" }, ...options));
  }

  function resultTable() {
    const row = (label, key) => element("tr", {},
      element("th", { scope: "row" }, label),
      ...["", "_slope", "_advantage"].map((suffix) => element("td", { "data-figure": key + suffix })));
    const titles = ["", "reward", "slope per point", "GRPO advantage"];
    return element("table", { class: "try-results" },
      element("thead", {}, element("tr", {}, ...titles.map((title) => element("th", { scope: "col" }, title)))),
      element("tbody", {}, row("Gaussian score", "gaussian"), row("ranking", "rank")));
  }

  // ---------------------------------------------------------------- the curves

  const WIDTH = 640, HEIGHT = 300, LEFT = 40, RIGHT = 22, TOP = 12, BOTTOM = 42;
  const x = (points) => LEFT + points / 100 * (WIDTH - LEFT - RIGHT);
  const y = (reward) => HEIGHT - BOTTOM - reward * (HEIGHT - TOP - BOTTOM);

  function svg(tag, attributes, text) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    if (text !== undefined) made.textContent = text;
    return made;
  }

  function axes() {
    const parts = [];
    for (const reward of [0, 0.5, 1]) {
      parts.push(svg("line", { x1: x(0), x2: x(100), y1: y(reward), y2: y(reward), class: "try-grid" }));
      parts.push(svg("text", { x: LEFT - 6, y: y(reward) + 5, "text-anchor": "end" }, String(reward)));
    }
    for (const points of [0, 20, 40, 60, 80, 100]) {
      parts.push(svg("text", { x: x(points), y: HEIGHT - 22, "text-anchor": "middle" }, String(points)));
    }
    parts.push(svg("text", { x: x(50), y: HEIGHT - 4, "text-anchor": "middle" }, "answer, in points"));
    return parts;
  }

  function curve(reward, state, name) {
    const points = Array.from({ length: 201 }, (_, k) => `${x(k / 2).toFixed(1)},${y(earned(reward, k / 2, state)).toFixed(1)}`);
    return svg("polyline", { points: points.join(" "), class: `try-curve try-${name}` });
  }

  function draw(picture, state) {
    const dot = (reward, name) => svg("circle",
      { cx: x(state.answer), cy: y(reward(state.answer, state)), r: 6, class: `try-dot try-${name}` });
    const ticks = groupOf(state).slice(1).map((answer) => svg("line",
      { x1: x(answer), x2: x(answer), y1: y(0), y2: y(0) - 12, class: "try-tick" }));
    picture.replaceChildren(
      ...axes(),
      svg("line", { x1: x(state.mos), x2: x(state.mos), y1: y(0), y2: y(1), class: "try-mos" }),
      svg("text", { x: x(clip(state.mos)) + (state.mos > 85 ? -6 : 6), y: y(0) - 20,
        "text-anchor": state.mos > 85 ? "end" : "start" }, "MOS"),
      curve(gaussianReward, state, "gaussian"), curve(rankReward, state, "rank"), ...ticks,
      dot(gaussianReward, "gaussian"), dot(rankReward, "rank"));
  }

  const LEGEND = [["gaussian", "Gaussian score"], ["rank", "ranking"], ["tick", "other seven answers"]];

  // ---------------------------------------------------------------- the page

  function start(place) {
    const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", class: "try-picture",
      "aria-label": "Reward against answer, for the Gaussian score and for the ranking" });
    const buttons = EXAMPLES.map((example) => element("button", { type: "button" }, example.label));
    const form = element("form", { class: "try-form" }, ...SLIDERS.map(sliderRow), formRow());
    const legend = element("p", { class: "try-legend" },
      ...LEGEND.map(([name, label]) => element("span", { class: `try-key try-${name}` }, label)));
    place.replaceChildren(element("p", { class: "try-buttons" }, ...buttons), picture, legend, resultTable(), form);

    function show(state) {
      for (const { name, unit } of SLIDERS) {
        form.elements[name].value = state[name];
        form.elements[name].nextElementSibling.textContent = `${state[name]} ${unit}`;
      }
      form.elements.form.value = state.form;
      for (const [name, value] of Object.entries(figuresOf(state))) {
        const cell = place.querySelector(`[data-figure="${name}"]`);
        cell.textContent = value.toFixed(name.endsWith("_slope") ? 4 : 3).replace(/^-(0\.0+)$/, "$1");
        cell.dataset.value = String(value);
      }
      draw(picture, state);
    }

    function read() {
      const state = { form: form.elements.form.value };
      for (const { name } of SLIDERS) state[name] = Number(form.elements[name].value);
      return state;
    }

    form.addEventListener("input", () => {
      const state = read();
      history.replaceState(null, "", `#${new URLSearchParams(state)}`);
      show(state);
    });
    form.addEventListener("submit", (event) => event.preventDefault());
    buttons.forEach((button, k) => button.addEventListener("click", () => show({ ...STARTS, ...EXAMPLES[k].set })));
    show(startOf(location.hash));
  }

  function begin() {
    const place = document.getElementById("try-it");
    if (place) start(place);
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();
})();
