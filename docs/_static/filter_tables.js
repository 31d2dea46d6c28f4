/* A field above every long table that hides the rows which lack one of its words. */
document.addEventListener("DOMContentLoaded", () => {
  for (const table of document.querySelectorAll("article table")) {
    const rows = [...table.tBodies[0].rows];
    if (rows.length < 8) continue;
    const field = document.createElement("input");
    field.type = "search";
    field.placeholder = "filter: words that a row must hold";
    field.setAttribute("aria-label", "Filter the table below");
    field.style.cssText = "width: 100%; padding: .4em; margin-bottom: .4em; box-sizing: border-box";
    field.addEventListener("input", () => {
      const words = field.value.toLowerCase().split(/\s+/);
      for (const row of rows) {
        const links = [...row.querySelectorAll("a")].map((link) => link.href);
        const text = [row.textContent, ...links].join(" ").toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
      }
    });
    (table.closest(".table-wrapper") ?? table).before(field);
  }
});
