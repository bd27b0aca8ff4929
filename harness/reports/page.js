// SPDX-License-Identifier: GPL-3.0-or-later
// Filter, sort and timeline of the page; without it all of it can still be read.
"use strict";
(() => {
  const LIMIT = 200;
  const find = (selector) => document.querySelector(selector);
  const all = (selector) => [...document.querySelectorAll(selector)];
  for (const element of all(".script")) element.hidden = false;

  const unfold = find("#unfold");
  unfold?.addEventListener("click", () => {
    const cards = all("details.failure, details.group");
    const open = cards.some((card) => !card.open);
    for (const card of cards) card.open = open;
    unfold.textContent = open ? "Fold all" : "Unfold all";
  });

  function copy(text) {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy"); // navigator.clipboard is not there for all files
    area.remove();
  }
  for (const button of all("[data-copy]")) {
    const label = button.textContent;
    button.addEventListener("click", () => {
      const card = button.closest("details");
      const selector = button.dataset.copy === "again" ? ".again" : ".traceback pre";
      copy([...card.querySelectorAll(selector)].map((one) => one.textContent).join("\n"));
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = label), 1500);
      button.focus();
    });
  }
  for (const link of all(".permalink")) {
    link.href = location.href.replace(/#.*/, "").replace("/latest/", `/${document.body.dataset.run}/`) + link.hash;
  }

  const pictures = all(".evidence a:has(img)");
  if (pictures.length) {
    const light = document.createElement("dialog");
    const [picture, words] = ["img", "p"].map((name) => document.createElement(name));
    const buttons = ["Previous", "Next", "Close"].map((text) => {
      const button = document.createElement("button");
      button.textContent = text;
      return button;
    });
    let images = [];
    let at = 0;
    const turn = (step) => {
      at = (at + step + images.length) % images.length;
      picture.src = images[at].src;
      picture.alt = images[at].alt;
      words.textContent = `${at + 1} of ${images.length}: ${picture.alt}`;
      for (const one of buttons.slice(0, 2)) one.hidden = images.length < 2;
    };
    const steps = new Map([[buttons[0], -1], [buttons[1], 1], ["ArrowLeft", -1], ["ArrowRight", 1]]);
    for (const link of pictures) {
      link.addEventListener("click", (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return; // a tab of its own
        event.preventDefault();
        images = [...link.closest(".evidence").querySelectorAll("img")];
        at = images.indexOf(link.querySelector("img"));
        turn(0);
        light.showModal();
        buttons[2].focus();
      });
    }
    light.addEventListener("click", ({ target }) => (steps.has(target) ? turn(steps.get(target)) : light.close()));
    light.addEventListener("keydown", ({ key }) => steps.has(key) && turn(steps.get(key)));
    light.id = "light";
    light.ariaLabel = "Picture";
    words.ariaLive = "polite";
    light.append(picture, words, ...buttons);
    document.body.append(light);
  }

  const table = find("#table");
  const rows = table
    ? [...table.tBodies[0].rows].map((row) => ({
        row,
        cells: [...row.cells].map((cell) => cell.textContent.trim()),
        text: row.textContent.toLowerCase(),
      }))
    : [];
  const byId = new Map(rows.map((entry) => [entry.row.id, entry]));
  const natural = new Intl.Collator("en", { numeric: true }).compare;
  const search = find("#search");
  const selects = all(".filters select");
  let limited = true;
  let order = rows;

  for (const select of selects) {
    const column = Number(select.dataset.column);
    const counts = new Map();
    for (const { cells } of rows) {
      counts.set(cells[column], (counts.get(cells[column]) ?? 0) + 1);
    }
    for (const value of [...counts.keys()].sort(natural)) {
      select.append(new Option(`${value || "—"} (${counts.get(value)})`, `=${value}`));
    }
  }

  function show() {
    if (!table) return;
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = selects
      .filter((select) => select.value)
      .map((select) => [Number(select.dataset.column), select.value.slice(1)]);
    let matching = 0;
    for (const { row, cells, text } of order) {
      const match =
        wanted.every(([column, value]) => cells[column] === value) &&
        words.every((word) => text.includes(word));
      if (match) matching += 1;
      row.hidden = !match || (limited && matching > LIMIT);
    }
    const shown = limited ? Math.min(matching, LIMIT) : matching;
    const chosen = matching === rows.length ? `${matching} tests` : `${matching} of ${rows.length} tests`;
    find("#shown").textContent =
      shown < matching ? `${chosen}, the first ${shown} shown` : chosen;
    const more = find("#more");
    more.parentElement.hidden = shown === matching;
    more.textContent = `Show all ${matching}`;
  }

  function sort(header, column) {
    const down = header.getAttribute("aria-sort") === "descending";
    const timed = rows[0].row.cells[column].dataset.s !== undefined;
    const first = header.hasAttribute("aria-sort") ? down : !timed;
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", first ? "ascending" : "descending");
    const value = ({ row, cells }) =>
      timed ? Number(row.cells[column].dataset.s) : cells[column];
    const compare = timed ? (a, b) => a - b : natural;
    const keyed = rows.map((entry) => [value(entry), entry]);
    keyed.sort((a, b) => (first ? compare(a[0], b[0]) : compare(b[0], a[0])));
    order = keyed.map(([, entry]) => entry);
    table.tBodies[0].append(...order.map(({ row }) => row));
    show();
  }

  function choose(id, value) {
    find(".filters").reset();
    find(id).value = `=${value}`;
    limited = true;
    show();
  }

  function reveal(id) {
    const entry = byId.get(id);
    if (!entry) return;
    if (entry.row.hidden) {
      find(".filters").reset();
      show();
      entry.row.hidden = false;
    }
    for (const { row } of rows) row.classList.toggle("found", row === entry.row);
    entry.row.scrollIntoView({ block: "center" });
  }

  function follow() {
    const id = location.hash.slice(1);
    const target = document.getElementById(id);
    if (target instanceof HTMLDetailsElement) {
      for (let one = target; one; one = one.parentElement.closest("details")) one.open = true;
      target.scrollIntoView();
    } else reveal(id);
  }

  if (table) {
    [...table.tHead.rows[0].cells].forEach((header, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...header.childNodes);
      button.addEventListener("click", () => sort(header, column));
      header.append(button);
    });
    search.addEventListener("input", show);
    for (const select of selects) select.addEventListener("change", show);
    find(".filters").addEventListener("submit", (event) => event.preventDefault());
    find(".filters").addEventListener("reset", () => setTimeout(show));
    find("#more").addEventListener("click", () => {
      limited = false;
      show();
    });
    for (const link of all("a[data-outcome]")) {
      link.addEventListener("click", () => choose("#outcome", link.dataset.outcome));
    }
    for (const link of all("a[data-module]")) {
      link.addEventListener("click", () => choose("#module", link.dataset.module));
    }
    show();
  }

  const chart = find("#chart");
  if (chart) {
    const under = find("#under");
    const hint = under.textContent;
    let zoom = 1;
    const scroll = chart.parentElement;
    for (const button of all("[data-zoom]")) {
      button.addEventListener("click", () => {
        const middle = (scroll.scrollLeft + scroll.clientWidth / 2) / zoom;
        zoom = Math.min(64, Math.max(1, zoom * Number(button.dataset.zoom)));
        chart.setAttribute("width", `${zoom * 100}%`);
        scroll.scrollLeft = middle * zoom - scroll.clientWidth / 2;
      });
    }
    chart.addEventListener("pointerover", (event) => {
      const entry = byId.get(`t${event.target.dataset?.t}`);
      const title = event.target.parentElement?.querySelector?.(":scope > title");
      if (entry) {
        const [outcome, , , worker, duration, wait] = entry.cells;
        const id = entry.row.querySelector(".path").textContent + entry.row.querySelector(".own").textContent;
        const waited = wait && `, ${wait} waiting`;
        under.textContent = `${id} · ${outcome} · ${duration}${waited} · ${worker}`;
      } else under.textContent = title ? title.textContent : hint;
    });
    chart.addEventListener("click", (event) => {
      const index = event.target.dataset?.t;
      if (index === undefined) return;
      const card = document.getElementById(`f${index}`);
      location.hash = card ? `f${index}` : `t${index}`;
      follow();
    });
  }

  addEventListener("hashchange", follow);
  if (location.hash) follow();
})();
