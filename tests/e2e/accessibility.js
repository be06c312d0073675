/** What accessibility.py runs in the page. */

window.checks = {};

window.checks.nameless = () => {
  const seen = (e) => e.checkVisibility() && !e.closest('[aria-hidden="true"], .js-plotly-plot');
  const labelled = (e) => (e.getAttribute('aria-labelledby') || '').split(' ').filter(Boolean)
    .map((id) => document.getElementById(id)?.textContent || '').join('');
  const name = (e) => (e.getAttribute('aria-label') || labelled(e) || [...(e.labels || [])].map((l) => l.textContent).join('')
    || (['INPUT', 'SELECT', 'TEXTAREA', 'PROGRESS'].includes(e.tagName) ? '' : e.textContent) || e.title || '').trim();
  const wanted = 'a[href], button, input, select, textarea, summary, progress, [role=img], [role=region], [role=group], dialog[open]';
  const broken = [...document.querySelectorAll(wanted)].filter((e) => seen(e) && !name(e));
  const images = [...document.querySelectorAll('img')].filter((e) => !e.hasAttribute('alt'));
  return [...broken, ...images].map((e) => e.outerHTML.slice(0, 120));
};

window.checks.misplaced = () => {
  const wrong = [];
  const count = (selector) => document.querySelectorAll(selector).length;
  for (const one of ['main', 'h1', 'header', 'footer']) if (count(one) !== 1) wrong.push(`${count(one)} × <${one}>`);
  if (!document.documentElement.lang) wrong.push('no language');
  if (!document.title.trim()) wrong.push('no title');
  if (!count('nav[aria-label]')) wrong.push('no named navigation');
  let level = 0;
  for (const heading of document.querySelectorAll('h1, h2, h3, h4')) {
    if (!heading.checkVisibility()) continue;
    const next = Number(heading.tagName[1]);
    if (next > level + 1) wrong.push(`h${level} is followed by h${next}: ${heading.textContent}`);
    level = next;
  }
  const ids = [...document.querySelectorAll('[id]')].map((e) => e.id).filter(Boolean);
  for (const id of new Set(ids.filter((one, at) => ids.indexOf(one) !== at))) if (!document.querySelector(`.js-plotly-plot #${CSS.escape(id)}`)) wrong.push(`id ${id} twice`);
  for (const table of document.querySelectorAll('table')) {
    if (table.checkVisibility() && table.tHead && ![...table.tHead.querySelectorAll('th')].every((th) => th.scope)) wrong.push('a column without scope');
  }
  return wrong;
};

window.checks.faint = ([least, leastLarge]) => {
  const parse = (text) => { const n = text.match(/[\d.]+/g).map(Number); return [n[0], n[1], n[2], n[3] ?? 1]; };
  const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
  const ground = (e) => {
    const layers = [];
    for (let at = e; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      layers.push(colour);
      if (colour[3] === 1) break;
    }
    return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255, 1]);
  };
  const light = (c) => { const [r, g, b] = c.slice(0, 3).map((v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ratio = (a, b) => { const [high, low] = [light(a), light(b)].sort((x, y) => y - x); return (high + 0.05) / (low + 0.05); };
  const wrong = [];
  const check = (e, text, colour) => {
    const style = getComputedStyle(e);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const under = ground(e);
    const found = ratio(over(parse(colour), under), under);
    if (found < (large ? leastLarge : least)) wrong.push(`${found.toFixed(2)} ${text.slice(0, 40)}`);
  };
  const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (words.nextNode()) {
    const e = words.currentNode.parentElement;
    const text = words.currentNode.textContent.trim();
    if (!text || !e.checkVisibility() || e.closest('script, :disabled, .modebar')) continue;
    const inFigure = e.closest('svg');
    if (inFigure && !e.closest('text')) continue;
    const style = getComputedStyle(e);
    check(inFigure ? inFigure.parentElement : e, text, inFigure ? getComputedStyle(e.closest('text')).fill : style.color);
  }
  return [...new Set(wrong)];
};

window.checks.focus = () => {
  const e = document.activeElement;
  e.dataset.reached = 'yes';
  const style = getComputedStyle(e);
  const box = e.getBoundingClientRect();
  const inModebar = Boolean(e.closest('.modebar'));
  return {text: e.outerHTML.slice(0, 90), body: e === document.body, outline: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0,
          seen: e.checkVisibility(), skip: inModebar, at: [...document.querySelectorAll('*')].indexOf(e), width: box.width};
};

window.checks.unreached = () => {
  const stops = 'a[href], button:enabled, input:enabled, textarea, summary, [tabindex="0"]';
  return [...document.querySelectorAll(stops)]
    .filter((e) => e.checkVisibility() && !e.closest('.modebar') && !e.dataset.reached)
    .map((e) => `not reached: ${e.outerHTML.slice(0, 90)}`);
};
