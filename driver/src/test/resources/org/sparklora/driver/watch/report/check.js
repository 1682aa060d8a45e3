// Looks at a report page from inside, in both themes, and tells the page around it what is wrong.
(function () {
  'use strict';
  var problems = [];

  function rgb(text) {
    var n = text.match(/[\d.]+/g).map(Number);
    return { r: n[0], g: n[1], b: n[2], a: n.length > 3 ? n[3] : 1 };
  }
  function luminance(c) {
    var parts = [c.r, c.g, c.b].map(function (v) {
      v /= 255;
      return v <= 0.04045 ? v / 12.92 : Math.pow((v + 0.055) / 1.055, 2.4);
    });
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  }
  function behind(element) {
    for (var e = element; e; e = e.parentElement) {
      var c = rgb(getComputedStyle(e).backgroundColor);
      if (c.a > 0) { return c; }
    }
    return rgb(getComputedStyle(document.documentElement).backgroundColor);
  }
  function contrast(theme) {
    var walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    var seen = 0;
    for (var node = walker.nextNode(); node; node = walker.nextNode()) {
      var e = node.parentElement;
      if (!node.data.trim() || !e.getClientRects().length || e.closest('.skip,script')) { continue; }
      var a = luminance(rgb(getComputedStyle(e).color)), b = luminance(behind(e));
      var ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      seen++;
      if (ratio < 4.5) { problems.push(theme + ': "' + node.data.trim() + '" has contrast ' + ratio.toFixed(2)); }
    }
    if (seen < 100) { problems.push(theme + ': only ' + seen + ' texts were seen'); }
  }
  function overflow() {
    var width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth > width) {
      problems.push('the page is ' + document.documentElement.scrollWidth + ' wide in a window of ' + width);
    }
    document.querySelectorAll('body *').forEach(function (e) {
      if (e.closest('.scroll,pre,.skip,#tip,script,svg')) { return; }
      var box = e.getBoundingClientRect();
      if (box.width > 0 && (box.right > width + 0.5 || box.left < -0.5)) {
        problems.push(e.tagName + '.' + e.className + ' reaches from ' + box.left + ' to ' + box.right + ' of ' + width);
      }
    });
  }
  function keyboard() {
    var tip = document.getElementById('tip');
    var spans = document.querySelectorAll('.span');
    if (!spans.length) { problems.push('no span in the timeline'); }
    spans.forEach(function (span) {
      span.focus();
      if (document.activeElement !== span || tip.hidden || tip.textContent !== span.getAttribute('aria-label')) {
        problems.push('focus on "' + span.getAttribute('aria-label') + '" says "' + tip.textContent + '"');
      }
    });
    document.querySelectorAll('.area').forEach(function (area) {
      area.focus();
      area.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true }));
      if (tip.hidden || tip.textContent.indexOf('\n') < 0) { problems.push('a chart says nothing to the arrow keys'); }
    });
  }

  addEventListener('load', function () {
    document.querySelectorAll('details').forEach(function (d) { d.open = true; });
    ['light', 'dark'].forEach(function (theme) {
      document.documentElement.dataset.theme = theme;
      contrast(theme);
    });
    overflow();
    keyboard();
    performance.getEntriesByType('resource').forEach(function (e) { problems.push('loads ' + e.name); });
    if (document.title.indexOf('owned') === 0) { problems.push('a script of a run was run'); }
    parent.postMessage({ width: innerWidth, lang: document.documentElement.lang, problems: problems }, '*');
  });
})();
