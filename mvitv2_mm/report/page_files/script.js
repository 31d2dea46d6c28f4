'use strict';
document.documentElement.classList.add('scripted');

// Tables are sorted by a click on a heading.
const value = (row, column) => {
  const text = row.cells[column].textContent.trim();
  return text === '' ? null : isNaN(text) ? text : Number(text);
};
const compare = (a, b) => {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return String(a).localeCompare(String(b), undefined, {numeric: true});
};
for (const table of document.querySelectorAll('table.sortable')) {
  for (const head of table.tHead.rows[0].cells) {
    if (!head.textContent) continue;
    const button = document.createElement('button');
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener('click', () => {
      const falling = head.getAttribute('aria-sort') === 'ascending';
      for (const other of table.tHead.rows[0].cells) other.removeAttribute('aria-sort');
      head.setAttribute('aria-sort', falling ? 'descending' : 'ascending');
      const body = table.tBodies[0], column = head.cellIndex;
      const rows = [...body.rows].map(row => [value(row, column), row]);
      rows.sort(([a], [b]) => a === null || b === null || !falling ? compare(a, b) : compare(b, a));
      body.append(...rows.map(([, row]) => row));
    });
  }
}

// The slider counts anew.
const show = number => Number.isFinite(number) ? number.toFixed(3) : '';
const rates = (right, wrong, positives) =>
  [right / (right + wrong), right / positives, 2 * right / (right + wrong + positives)];
for (const result of document.querySelectorAll('.result')) {
  const data = JSON.parse(result.querySelector('script').textContent);
  const slider = result.querySelector('input[type=range]');
  const rows = result.querySelectorAll('.classes tbody tr');
  const total = result.querySelectorAll('.total tbody tr');
  const matrix = result.querySelector('.matrix');
  const update = () => {
    const step = Number(slider.value);
    for (const at of result.querySelectorAll('.at')) at.textContent = data.thresholds[step];
    slider.setAttribute('aria-valuetext', data.thresholds[step]);
    const all = data.positives.map((n, i) => rates(data.right[i][step], data.wrong[i][step], n));
    for (const row of rows) {
      all[row.dataset.i].forEach((rate, k) => {
        row.cells[row.cells.length - 3 + k].textContent = show(rate);
      });
    }
    data.total[step].forEach((text, k) => {
      total[Math.floor(k / 3)].cells[k % 3 + 1].textContent = text;
    });
    if (matrix) fill(matrix.tBodies[0].rows, data.matrix[step]);
  };
  slider.addEventListener('input', update);
  update();  // a browser may have kept where the slider was
}

function fill(lines, cells) {
  const totals = [...lines].map(() => 0);
  for (const [line, , count] of cells) totals[line] += count;
  for (const line of lines) {
    for (const cell of line.querySelectorAll('td')) {
      cell.textContent = '';
      cell.style.setProperty('--s', 0);
      cell.classList.remove('dark');
    }
  }
  for (const [line, column, count] of cells) {
    const cell = lines[line].cells[column + 1], share = count / totals[line];
    cell.textContent = count;
    cell.style.setProperty('--s', share.toFixed(2));
    cell.classList.toggle('dark', share > 0.6);
  }
}
