// What a vendor's pages gain where scripts run. Every one of them works without this file.
(() => {
  "use strict";
  const root = document.documentElement;
  const node = document.querySelector(".countdown");
  const skew = Date.parse(node?.dataset.now) - Date.now(); // the device's clock may be wrong
  const marks = [15, 5, 1]; // minutes before the end at which it is said aloud, once each
  const reads = new Intl.RelativeTimeFormat(root.lang || "en", { numeric: "always" });
  let said = Infinity;

  const words = (seconds) => {
    if (seconds >= 7200) return reads.format(Math.floor(seconds / 3600), "hour");
    if (seconds >= 60) return reads.format(Math.floor(seconds / 60), "minute");
    return reads.format(seconds, "second");
  };

  const tick = () => {
    if (!node) return;
    const seconds = Math.round((Date.parse(node.dataset.ends) - Date.now() - skew) / 1000);
    node.hidden = seconds <= 0;
    node.textContent = words(Math.max(0, seconds));
    const minutes = Math.ceil(seconds / 60);
    const due = marks.find((mark) => minutes <= mark && said > mark);
    if (due && seconds > 0) document.getElementById("announcer").textContent = node.textContent;
    said = Math.min(said, minutes);
    if (seconds === -2) location.reload();
  };

  // While it is being opened, the page looks again by itself.
  const again = document.querySelector("[data-again]");
  if (again) setTimeout(() => location.reload(), Number(again.dataset.again) * 1000);

  // A form is sent once. One that opens another tab may be sent again after a moment.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = "yes";
    event.submitter?.setAttribute("aria-disabled", "true");
    if (form.target === "_blank") setTimeout(() => fresh(form), 3000);
  });
  const fresh = (form) => {
    delete form.dataset.sent;
    form.querySelector("[aria-disabled]")?.removeAttribute("aria-disabled");
  };
  addEventListener("pageshow", (event) => event.persisted && [...document.forms].forEach(fresh));
  document.querySelector("[data-wrong]")?.focus();
  tick();
  setInterval(tick, 1000);
})();
