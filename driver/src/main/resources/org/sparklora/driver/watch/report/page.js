// Optional extras: a theme button, tips at the pointer, values along lines. The page is complete without them.
(function () {
  'use strict';
  var root = document.documentElement;
  var own = document.currentScript.dataset;
  var tip = document.getElementById('tip');
  root.classList.add('scripted');

  var button = document.createElement('button');
  button.className = 'theme';
  button.type = 'button';
  button.textContent = own.themeLabel;
  button.addEventListener('click', function () {
    var dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
    root.dataset.theme = dark ? 'light' : 'dark';
  });
  document.querySelector('.title').appendChild(button);

  function show(text, x, y) {
    tip.textContent = text;
    tip.hidden = false;
    var box = tip.getBoundingClientRect();
    tip.style.left = Math.max(8, Math.min(x + 14, innerWidth - box.width - 8)) + 'px';
    tip.style.top = (y + 18 + box.height > innerHeight ? Math.max(8, y - box.height - 12) : y + 18) + 'px';
  }
  function hide() { tip.hidden = true; }

  document.querySelectorAll('[data-tip]').forEach(function (part) {
    part.addEventListener('pointermove', function (e) { show(part.dataset.tip, e.clientX, e.clientY); });
    part.addEventListener('pointerleave', hide);
    part.addEventListener('focus', function () {
      var box = part.getBoundingClientRect();
      show(part.dataset.tip, box.left, box.bottom - 12);
    });
    part.addEventListener('blur', hide);
  });

  // Computes values from the drawn line and the scale of its chart, so the page contains nothing twice.
  function points(path) {
    return path.getAttribute('d').replace(/h0/g, '').split(/[ML]/).slice(1).map(function (pair) {
      return pair.split(' ').map(Number);
    });
  }
  function value(scale, up) {
    var from = +scale[2], to = +scale[3], part = 1 - up / 1000;
    return scale[4] === 'true' ? from * Math.pow(to / from, part) : from + part * (to - from);
  }
  document.querySelectorAll('.area').forEach(function (area) {
    var lines = Array.prototype.map.call(area.querySelectorAll('.line'), function (path) {
      return { path: path, points: points(path) };
    });
    if (!lines.length) { return; }
    var cursor = document.createElement('div');
    cursor.className = 'cursor';
    cursor.hidden = true;
    area.appendChild(cursor);
    area.tabIndex = 0;
    area.setAttribute('aria-description', own.readLabel);
    var at = 0;
    var scale = area.dataset.scale.split(' ');

    function read(along, y) {
      var x = +scale[0] + along / 1000 * (scale[1] - scale[0]);
      var said = [area.dataset.x + ': ' + Math.round(x).toLocaleString('en')];
      lines.forEach(function (line) {
        var near = line.points.reduce(function (best, p) {
          return Math.abs(p[0] - along) < Math.abs(best[0] - along) ? p : best;
        });
        if (Math.abs(near[0] - along) <= 1000 / Math.min(line.points.length, 40)) {
          said.push(line.path.dataset.name + ': ' + value(scale, near[1]).toPrecision(3));
        }
      });
      var box = area.getBoundingClientRect();
      cursor.hidden = false;
      cursor.style.left = along / 10 + '%';
      show(said.join('\n'), box.left + along / 1000 * box.width, y === undefined ? box.top + box.height / 3 : y);
    }
    function leave() { cursor.hidden = true; hide(); }
    area.addEventListener('pointermove', function (e) {
      var box = area.getBoundingClientRect();
      at = Math.max(0, Math.min(1000, (e.clientX - box.left) / box.width * 1000));
      read(at, e.clientY);
    });
    area.addEventListener('pointerleave', leave);
    area.addEventListener('blur', leave);
    area.addEventListener('keydown', function (e) {
      var by = { ArrowLeft: -10, ArrowRight: 10, PageDown: -100, PageUp: 100, Home: -1000, End: 1000 }[e.key];
      if (by === undefined) {
        if (e.key === 'Escape') { leave(); }
        return;
      }
      e.preventDefault();
      at = Math.max(0, Math.min(1000, at + by));
      read(at);
    });
  });

  addEventListener('keydown', function (e) { if (e.key === 'Escape') { hide(); } });
  addEventListener('beforeprint', function () {
    document.querySelectorAll('details').forEach(function (d) { d.open = true; });
  });
})();
