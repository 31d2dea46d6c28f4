'use strict';
const data = JSON.parse(document.getElementById('data').textContent);
const picture = new Image();
const [times, rows, columns] = data.counts;
const query = document.getElementById('query');
let place = [times >> 1, rows >> 1, columns >> 1];

function bytes(text) {
  return Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
}

function addBlock(block) {
  const figure = document.createElement('figure');
  const canvas = document.createElement('canvas');
  const caption = document.createElement('figcaption');
  const scale = Math.min(1, (data.frames > 1 ? 520 : 200) / picture.width);
  canvas.width = Math.round(picture.width * scale);
  canvas.height = Math.round(picture.height * scale);
  caption.textContent = block.text;
  figure.append(canvas, caption);
  document.getElementById('blocks').append(figure);
  return {canvas, cells: block.cells, values: bytes(block.values)};
}

function drawBlock(block) {
  const {canvas, cells: [frames, height, width], values} = block;
  const pen = canvas.getContext('2d'), size = frames * height * width;
  const start = ((place[0] * rows + place[1]) * columns + place[2]) * size;
  pen.globalAlpha = 1;
  pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
  pen.globalAlpha = 0.65;
  pen.fillStyle = '#000';
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.globalAlpha = 1;
  const small = document.createElement('canvas');
  small.width = width;
  small.height = height;
  for (let shown = 0; shown < data.frames; shown++) {
    const frame = Math.min(frames - 1, Math.floor((shown + 0.5) * frames / data.frames));
    const pixels = new ImageData(width, height);
    for (let i = 0; i < height * width; i++) {
      pixels.data.set([...data.mark, values[start + frame * height * width + i]], 4 * i);
    }
    small.getContext('2d').putImageData(pixels, 0, 0);
    const step = canvas.width / data.frames;
    pen.drawImage(small, shown * step, 0, step, canvas.height);
  }
}

function draw() {
  const pen = query.getContext('2d');
  const width = query.width / times / columns, height = query.height / rows;
  pen.drawImage(picture, 0, 0);
  const x = (place[0] * columns + place[2]) * width, y = place[1] * height;
  for (const [color, line] of [['#000', 4], [`rgb(${data.mark})`, 2]]) {
    pen.strokeStyle = color;
    pen.lineWidth = line;
    pen.strokeRect(x + 2, y + 2, width - 4, height - 4);
  }
  blocks.forEach(drawBlock);
}

function move(time, row, column) {
  const clamp = (value, count) => Math.max(0, Math.min(count - 1, value));
  place = [clamp(time, times), clamp(row, rows), clamp(column, columns)];
  draw();
}

query.addEventListener('click', event => {
  const across = Math.floor(event.offsetX / query.clientWidth * times * columns);
  move(Math.floor(across / columns), Math.floor(event.offsetY / query.clientHeight * rows),
       across % columns);
});
query.addEventListener('keydown', event => {
  const steps = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1]};
  if (!(event.key in steps)) return;
  event.preventDefault();
  const across = place[0] * columns + place[2] + steps[event.key][1];
  if (across < 0 || across >= times * columns) return;
  move(Math.floor(across / columns), place[1] + steps[event.key][0], across % columns);
});

let blocks = [];
picture.onload = () => {
  query.width = picture.width;
  query.height = picture.height;
  blocks = data.blocks.map(addBlock);
  draw();
};
picture.src = data.picture;
