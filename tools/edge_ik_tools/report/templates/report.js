"use strict";
(() => {
  const data = JSON.parse(document.getElementById("figures").textContent);
  const root = document.documentElement;
  const night = window.matchMedia("(prefers-color-scheme: dark)");
  const coarse = window.matchMedia("(pointer: coarse)").matches;
  const KINDS = { f4: Float32Array, u1: Uint8Array };
  const decoded = new Map();

  /** The numbers of one array of the table, read once. */
  function stored(index) {
    if (!decoded.has(index)) {
      const { t, b } = data.arrays[index];
      const bytes = Uint8Array.from(atob(b), (c) => c.charCodeAt(0));
      decoded.set(index, new KINDS[t](bytes.buffer));
    }
    return decoded.get(index);
  }

  const digits = (value) => String(Number(value.toPrecision(3)));

  /** A length in millimetres with the unit that fits: `words.length` of the package. */
  function length(millimetres) {
    const metres = millimetres / 1e3;
    if (!Number.isFinite(metres)) return "-";
    if (metres === 0) return "0 mm";
    if (metres >= 1000) return `${Math.round(metres).toLocaleString("en")} m`;
    if (metres >= 0.9995) return `${digits(metres)} m`;
    if (metres >= 1e-4) return `${digits(1e3 * metres)} mm`;
    if (metres >= 1e-7) return `${digits(1e6 * metres)} µm`;
    return metres >= 1e-9 ? `${digits(1e9 * metres)} nm` : "< 1 nm";
  }

  /** A map of bytes as rows of numbers; 0 says that there is nothing. */
  function cells(node) {
    const [rows, columns] = data.arrays[node.$].s;
    const [low, each] = node.code;
    const read = (code) => {
      if (code === 0) return null;
      const log = low + (code - 1) * each;
      return node.told ? length(10 ** log) : log;
    };
    const codes = stored(node.$);
    return Array.from({ length: rows }, (_, r) =>
      Array.from(codes.subarray(r * columns, (r + 1) * columns), read));
  }

  function numbers(node) {
    if (node.code) return cells(node);
    const values = stored(node.$);
    if (node.told) return Array.from(values, length);
    return node.log ? values.map((value) => Math.log10(Math.max(value, 1e-30))) : values;
  }

  const dark = () => {
    if (root.classList.contains("printing")) return false;
    const chosen = root.dataset.theme;
    return chosen ? chosen === "dark" : night.matches;
  };

  /** "@word" or "@word~0.1": a colour of the palette, perhaps let through. */
  function color(word) {
    const theme = dark() ? "dark" : "light";
    if (word === "@errors") return data.errors[theme];
    const [name, alpha] = word.slice(1).split("~");
    const hex = data.palette[theme][name];
    if (!alpha) return hex;
    const part = (at) => parseInt(hex.slice(at, at + 2), 16);
    return `rgba(${part(1)},${part(3)},${part(5)},${alpha})`;
  }

  /** A description with its colours, its numbers, and where the sliders stand. */
  function resolved(node, state) {
    if (typeof node === "string") return /^@[a-z]+[0-9]*(~[0-9.]+)?$/.test(node) ? color(node) : node;
    if (node === null || typeof node !== "object") return node;
    if (Array.isArray(node)) return node.map((part) => resolved(part, state));
    if ("$" in node) return numbers(node);
    if ("vary" in node) {
      const at = node.vary.reduce((sum, key, k) => sum * node.places[k] + state[key], 0);
      return resolved(node.of[at], state);
    }
    return Object.fromEntries(Object.entries(node).map(([key, part]) => [key, resolved(part, state)]));
  }

  /** The button says what it changes to. */
  function sayTheme() {
    document.querySelector(".theme").textContent = dark() ? "Light" : "Dark";
  }

  const drawn = [];
  const groups = data.groups.map((group) => ({ ...group, state: {}, postures: group.postures || [] }));
  groups.forEach((group) => group.pictures.forEach((picture) =>
    picture.sliders.forEach(({ key, start }) => { group.state[key] = start; })));

  function height(width, panel) {
    const usual = panel.space ? Math.min(400, Math.max(290, 0.85 * width))
      : Math.min(340, Math.max(270, 0.74 * width));
    const limit = panel.space ? Math.max(340, 0.92 * width) : 1e9;
    return Math.round(Math.min(usual * panel.tall, limit));
  }

  // Half of what the camera sees upwards at a distance of 1: plotly's angle is 45 degrees.
  const SEEN = Math.tan(Math.PI / 8);
  // Room for the words beside the axes of space [px].
  const LEFT = 60, RIGHT = 32, BELOW = 30, ABOVE = 10;

  const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

  /** The least and the largest way aside at which all corners (across, depth) are in sight. */
  const aside = (corners, before, behind) => [
    Math.max(...corners.map(([across, depth]) => across - behind * depth)),
    Math.min(...corners.map(([across, depth]) => across + before * depth)),
  ];

  /** The camera that looks from a side and has the whole box in sight, as near as may be. */
  function camera({ aspectratio: ratio, camera: { eye } }, width, height) {
    const far = Math.hypot(eye.x, eye.y, eye.z);
    const from = [eye.x / far, eye.y / far, eye.z / far];
    const flat = Math.hypot(from[0], from[1]);
    const right = [-from[1] / flat, from[0] / flat, 0];
    const up = [-from[2] * right[1], from[2] * right[0], flat];
    const ends = [-0.5, 0.5];
    const corners = ends.flatMap((x) => ends.flatMap((y) =>
      ends.map((z) => [x * ratio.x, y * ratio.y, z * ratio.z])));
    const share = (room, size) => Math.max(1 - 2 * room / size, 0.2);
    const wide = SEEN * width / height;
    for (let distance = 0.5; ; distance *= 1.01) {
      const seen = corners.map((corner) => ({ corner, depth: distance - dot(corner, from) }));
      if (distance < 50 && seen.some(({ depth }) => depth < 0.1)) continue;
      const [left, leftmost] = aside(seen.map(({ corner, depth }) => [dot(corner, right), depth]),
        wide * share(LEFT, width), wide * share(RIGHT, width));
      const [low, high] = aside(seen.map(({ corner, depth }) => [dot(corner, up), depth]),
        SEEN * share(BELOW, height), SEEN * share(ABOVE, height));
      if (distance < 50 && (left > leftmost || low > high)) continue;
      const [x, y, z] = right.map((part, k) => part * (left + leftmost) / 2 + up[k] * (low + high) / 2);
      return {
        center: { x, y, z },
        eye: { x: x + distance * from[0], y: y + distance * from[1], z: z + distance * from[2] },
      };
    }
  }

  function layoutOf(plot) {
    const layout = resolved(plot.panel.layout, plot.group.state);
    layout.height = height(plot.place.clientWidth, plot.panel);
    layout.width = plot.place.clientWidth;
    if (coarse && !plot.panel.space) layout.dragmode = false;
    if (plot.panel.space) {
      layout.scene.uirevision = "kept";
      layout.scene.camera = camera(layout.scene, layout.width, layout.height);
    }
    return layout;
  }

  function tracesOf(plot) {
    const traces = resolved(plot.panel.traces, plot.group.state);
    plot.hidden.forEach((index) => { traces[index].visible = false; });
    const chosen = plot.group.postures[plot.group.chosen || 0];
    if (chosen) {
      for (const trace of traces) {
        if (trace.meta === "posture") [trace.x, trace.y, trace.z] = chosen.points;
        if (trace.meta === "posture-target") [trace.x, trace.y, trace.z] = chosen.place;
      }
    }
    return traces;
  }

  const config = {
    displaylogo: false, responsive: false, scrollZoom: false, doubleClick: "reset",
    modeBarButtons: [["toImage", "resetCameraDefault3d"]],
  };
  const flat = { ...config, modeBarButtons: [["toImage", "resetScale2d"]] };

  function draw(plot) {
    plot.width = plot.place.clientWidth;
    return Plotly.react(plot.place, tracesOf(plot), layoutOf(plot), plot.panel.space ? config : flat);
  }

  function build() {
    document.querySelectorAll("figure[data-group]").forEach((figure) => {
      const group = groups[Number(figure.dataset.group)];
      const picture = group.pictures.find(({ name }) => name === figure.dataset.picture);
      const places = figure.querySelectorAll(".plot");
      picture.panels.forEach((panel, k) => {
        places[k].classList.toggle("space", panel.space);
        drawn.push({ figure, group, panel, place: places[k], picture, hidden: new Set() });
      });
      figure.querySelectorAll("input[data-key]").forEach((input) => {
        input.addEventListener("input", () => moved(group, input.dataset.key, Number(input.value)));
      });
    });
  }

  // A legend's marks as plotly draws them, about the middle of a swatch.
  const SWATCH = { width: 20, height: 12 };
  const SHAPES = {
    circle: { d: "M5.5 6a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0-9 0Z" },
    diamond: { d: "M10 .5L15.5 6L10 11.5L4.5 6Z" },
    "circle-open": { d: "M5.5 6a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0-9 0Z", fill: "none", "stroke-width": 1.6 },
    cross: { d: "M10 1V11M5 6H15", "stroke-width": 3 },
    x: { d: "M6.5 2.5L13.5 9.5M6.5 9.5L13.5 2.5", "stroke-width": 3 },
    bar: { d: "M4.5 .5H15.5V11.5H4.5Z" },
  };
  const DASHES = { solid: null, dash: "5 2.5", dot: "2 2" };

  /** What a trace looks like: its line with width and dashes, its mark, or a bar. */
  function swatch(trace) {
    const parts = [];
    const lines = trace.type.startsWith("scatter") && trace.mode.includes("lines");
    if (lines) {
      parts.push({ d: "M0 6H20", "stroke-width": Math.min(trace.line.width, 9), "stroke-dasharray": DASHES[trace.line.dash] });
    }
    if (trace.type === "bar") parts.push(SHAPES.bar);
    else if (trace.mode.includes("markers")) parts.push(SHAPES[trace.marker.symbol || "circle"]);
    const space = "http://www.w3.org/2000/svg";
    const image = document.createElementNS(space, "svg");
    const paint = (lines ? trace.line : trace.marker).color;
    image.style.color = color(Array.isArray(paint) ? paint[0] : paint);
    Object.entries(SWATCH).forEach(([key, value]) => image.setAttribute(key, value));
    image.setAttribute("aria-hidden", "true");
    image.append(...parts.map((part) => {
      const path = document.createElementNS(space, "path");
      Object.entries(part).filter(([, value]) => value !== null)
        .forEach(([key, value]) => path.setAttribute(key, value));
      return path;
    }));
    return image;
  }

  /** A picture's legend in HTML: it wraps, and a name hides its trace or stands alone. */
  function legend(plot) {
    const bar = plot.place.parentElement.querySelector(".legend");
    const named = plot.panel.traces.map((trace, index) => ({ trace, index })).filter(({ trace }) => trace.showlegend);
    bar.replaceChildren(...(named.length < 2 ? [] : named.map(({ trace, index }) => {
      const entry = document.createElement("button");
      const name = document.createElement("span");
      name.textContent = trace.plain;
      entry.type = "button";
      entry.append(swatch(trace), name);
      entry.setAttribute("aria-pressed", String(!plot.hidden.has(index)));
      entry.addEventListener("click", (event) => {
        if (event.detail > 1) {
          const others = named.map((each) => each.index).filter((each) => each !== index);
          const alone = others.every((each) => plot.hidden.has(each));
          plot.hidden = new Set(alone ? [] : others);
        } else if (!plot.hidden.delete(index)) plot.hidden.add(index);
        legend(plot);
        draw(plot);
      });
      return entry;
    })));
  }

  const visible = (plot) => plot.place.offsetParent !== null;

  /** Sliders of one key move together, and what hangs on them is drawn anew. */
  function moved(group, key, value) {
    group.state[key] = value;
    drawn.filter((plot) => plot.group === group).forEach((plot) => {
      const slider = plot.picture.sliders.find((each) => each.key === key);
      if (!slider) return;
      plot.figure.querySelectorAll(`input[data-key="${CSS.escape(key)}"]`).forEach((input) => {
        input.value = String(value);
        input.closest(".slider").querySelector("output").textContent = slider.stops[value];
        input.setAttribute("aria-valuetext", slider.stops[value]);
      });
      if (visible(plot) && plot.width) draw(plot);
    });
  }

  async function drawAll() {
    for (const plot of drawn) {
      if (!visible(plot)) {
        if (plot.width && plot.panel.space) { Plotly.purge(plot.place); plot.width = 0; }
        continue;
      }
      legend(plot);
      await draw(plot);
      await new Promise((done) => setTimeout(done));
    }
    root.dataset.drawn = String(drawn.filter((plot) => plot.width).length);
  }

  function chooseModel(name) {
    document.querySelectorAll("article[data-model]").forEach((article) => {
      article.hidden = article.dataset.model !== name;
    });
    document.querySelectorAll(".tabs button").forEach((button) => {
      button.setAttribute("aria-selected", String(button.dataset.model === name));
    });
    contents();
    drawAll();
  }

  /** The contents are those of the model that is shown. */
  function contents() {
    const bar = document.querySelector("nav.contents .wrap");
    const shown = [...document.querySelectorAll("section[id][data-title]")]
      .filter((section) => section.offsetParent !== null);
    bar.replaceChildren(...shown.map((section) => {
      const link = document.createElement("a");
      link.href = `#${section.id}`;
      link.textContent = section.dataset.title;
      return link;
    }));
    watch(shown);
  }

  let watcher;
  function watch(sections) {
    if (watcher) watcher.disconnect();
    watcher = new IntersectionObserver((entries) => {
      entries.filter((entry) => entry.isIntersecting).forEach((entry) => {
        document.querySelectorAll("nav.contents a").forEach((link) => {
          link.classList.toggle("here", link.hash === `#${entry.target.id}`);
        });
      });
    }, { rootMargin: "-20% 0px -70% 0px" });
    sections.forEach((section) => watcher.observe(section));
  }

  function choosePosture(row) {
    const article = row.closest("article");
    const group = groups[Number(article.dataset.group)];
    group.chosen = Number(row.dataset.posture);
    article.querySelectorAll("tbody[data-posture]").forEach((each) => each.classList.toggle("chosen", each === row));
    const chosen = group.postures[group.chosen];
    article.querySelector(".detail code").textContent = chosen.command;
    article.querySelector(".detail .what").textContent = chosen.what;
    drawn.filter((plot) => plot.group === group && plot.picture.name === "worst" && visible(plot)).forEach(draw);
  }

  async function copy(button) {
    const text = button.closest(".row").querySelector("code").textContent;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      const range = document.createRange();
      range.selectNodeContents(button.closest(".row").querySelector("code"));
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  }

  /** Paper is light and narrow, and canvases do not print everywhere: pictures of them do. */
  function beforePrint() {
    root.classList.add("printing");
    drawn.filter((plot) => visible(plot) && plot.width).forEach((plot) => {
      legend(plot);
      draw(plot);
      const scene = plot.panel.space && plot.place._fullLayout.scene && plot.place._fullLayout.scene._scene;
      if (!scene) return;
      const image = document.createElement("img");
      image.className = "printed";
      image.alt = "";
      image.src = scene.toImage("png");
      plot.place.parentElement.append(image);
    });
  }

  function afterPrint() {
    root.classList.remove("printing");
    document.querySelectorAll("img.printed").forEach((image) => image.remove());
    drawAll();
  }

  build();
  document.querySelectorAll(".tabs button").forEach((button) =>
    button.addEventListener("click", () => chooseModel(button.dataset.model)));
  document.querySelectorAll("tbody[data-posture]").forEach((row) =>
    row.addEventListener("click", () => choosePosture(row)));
  document.querySelectorAll(".copy").forEach((button) => button.addEventListener("click", () => copy(button)));
  document.querySelector(".theme").addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    sayTheme();
    drawAll();
  });
  night.addEventListener("change", () => {
    sayTheme();
    if (!root.dataset.theme) drawAll();
  });
  window.addEventListener("beforeprint", beforePrint);
  window.addEventListener("afterprint", afterPrint);
  let waiting;
  window.addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => !root.classList.contains("printing") && drawn.filter((plot) => visible(plot) && plot.width
      && plot.width !== plot.place.clientWidth).forEach(draw), 120);
  });
  sayTheme();
  contents();
  drawAll();
})();
