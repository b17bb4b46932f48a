// What the pages gain where scripts run. Every one of them works without this file.
(() => {
  "use strict";
  const root = document.documentElement;
  const skew = Date.parse(root.dataset.now) - Date.now(); // the device's clock may be wrong
  const marks = [15, 5, 1]; // minutes before the end at which it is said aloud, once each
  const said = new Map();

  // A line for each part of the page that speaks: two that change at once must both be heard.
  const say = (text, about = "page") => {
    const place = document.getElementById("announcer");
    if (!place) return;
    let line = [...place.children].find((each) => each.dataset.about === about);
    if (!line) {
      line = document.createElement("p");
      line.dataset.about = about;
      place.append(line);
    }
    if (line.textContent !== text) line.textContent = text;
  };

  const left = (seconds) => {
    const hours = Math.floor(seconds / 3600);
    const minutes = Math.floor((seconds % 3600) / 60);
    if (hours) return `in ${hours} h ${minutes} min`;
    if (minutes >= 5) return `in ${minutes} min`;
    return minutes ? `in ${minutes} min ${seconds % 60} s` : `in ${seconds} s`;
  };

  const remind = (ends, seconds) => {
    const minutes = Math.ceil(seconds / 60);
    const before = said.get(ends) ?? minutes + 1;
    const due = marks.find((mark) => minutes <= mark && before > mark);
    if (due && seconds > 0) say(`Access ends in ${minutes} ${minutes === 1 ? "minute" : "minutes"}.`);
    said.set(ends, minutes);
  };

  const tick = () => {
    for (const node of document.querySelectorAll(".countdown")) {
      const seconds = Math.round((Date.parse(node.dataset.ends) - Date.now() - skew) / 1000);
      node.textContent = seconds > 0 ? left(seconds) : "its time is over";
      node.hidden = false;
      remind(node.dataset.ends, seconds);
    }
    for (const node of document.querySelectorAll(".ago")) {
      const seconds = Math.round((Date.now() + skew - Date.parse(node.dataset.since)) / 1000);
      node.textContent = past(Math.max(0, seconds));
    }
  };

  const past = (seconds) => {
    if (seconds < 60) return `${seconds} s ago`;
    const minutes = Math.floor(seconds / 60);
    return minutes < 60 ? `${minutes} min ago` : `${Math.floor(minutes / 60)} h ${minutes % 60} min ago`;
  };

  const copy = async (button) => {
    const source = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent.trim());
      say("Copied.");
      button.lastElementChild.textContent = "Copied";
      setTimeout(() => (button.lastElementChild.textContent = "Copy"), 2000);
    } catch {
      getSelection().selectAllChildren(source);
      say("Selected. Copy it with your keyboard.");
    }
  };

  // A form is sent once. The server counts a second sending as the first, too.
  const sent = (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = "yes";
    event.submitter?.setAttribute("aria-disabled", "true");
  };

  // Lengths that the chosen way does not allow are put away; the server checks them anyway.
  const lengths = () => {
    const way = document.querySelector('#ask [name="way"]:checked');
    if (!way) return;
    const allowed = way.dataset.lengths.split(" ").concat("custom");
    for (const choice of document.querySelectorAll('#ask [name="minutes"]')) {
      choice.closest("label").hidden = !allowed.includes(choice.value) && !choice.checked;
    }
  };

  // How many are ticked, in the button that acts on them.
  const count = () => {
    for (const button of document.querySelectorAll("[data-ticked]")) {
      const ticked = button.form.querySelectorAll('input[type="checkbox"]:checked').length;
      const words = button.querySelector("span");
      button.dataset.words ??= words.textContent;
      const these = ticked === 1 ? "this one" : `these ${ticked}`;
      words.textContent = ticked ? button.dataset.words.replace(/the ticked\S*( \w+)?/, these) : button.dataset.words;
    }
  };

  const reveal = () => {
    for (const button of document.querySelectorAll("[data-copy]")) button.hidden = false;
  };

  // From what is wrong with a policy to its line in the editor.
  const jump = (event, link) => {
    const editor = document.querySelector("textarea.code");
    const number = Number(link.hash.slice(6));
    if (!editor || !number) return;
    event.preventDefault();
    const lines = editor.value.split("\n");
    const start = lines.slice(0, number - 1).join("\n").length + (number > 1 ? 1 : 0);
    editor.focus();
    editor.setSelectionRange(start, start + (lines[number - 1] ?? "").length);
    editor.scrollTop = (editor.scrollHeight / lines.length) * (number - 4);
  };

  document.addEventListener("click", (event) => {
    const problem = event.target.closest('a[href^="#line-"]');
    if (problem) jump(event, problem);
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
    if (event.target.closest("[data-print]")) print();
    for (const menu of document.querySelectorAll("details.user[open], details.further[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
  document.addEventListener("keydown", (event) => {
    const menu = document.querySelector("details.user[open], details.further[open]");
    if (event.key !== "Escape" || !menu) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
  document.addEventListener("submit", sent);
  document.addEventListener("change", lengths);
  document.addEventListener("change", count);
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return; // from the back-forward cache: forms may be sent again
    for (const form of document.forms) {
      delete form.dataset.sent;
      form.querySelector("[aria-disabled]")?.removeAttribute("aria-disabled");
    }
  });
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (document.hidden && event.target.closest("[data-poll]")) event.preventDefault();
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    reveal();
    tick();
    count();
    const part = event.target;
    const status = part.matches?.("[data-announce]") ? part : part.querySelector?.("[data-announce]");
    if (status) say(status.dataset.announce, part.id);
  });

  for (const node of document.querySelectorAll("[data-script]")) node.hidden = false;
  for (const node of document.querySelectorAll("[data-plain]")) node.hidden = true;
  document.querySelector(".nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  document.querySelector(".summary")?.focus();
  reveal();
  lengths();
  count();
  tick();
  setInterval(tick, 1000);
})();
