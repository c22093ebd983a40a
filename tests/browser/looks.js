// What a person would see at once: returns a list of complaints about the page as it stands.
(() => {
  const found = [];
  const root = document.documentElement;
  const say = (what, element) => found.push(`${what}: <${element.tagName.toLowerCase()}> ${element.textContent.trim().slice(0, 60)}`);
  if (root.scrollWidth > innerWidth) found.push(`the page is ${root.scrollWidth} px wide; expected ${innerWidth} at most`);

  const isHidden = (element) => element.closest(".hidden, thead") && getComputedStyle(element.closest(".hidden, thead")).clipPath !== "none";
  const scrolls = (element) => {
    for (let box = element; box !== root; box = box.parentElement) {
      if (["auto", "scroll"].includes(getComputedStyle(box).overflowX)) return box;
    }
    return null;
  };
  const colour = (text) => {
    const [red, green, blue, alpha = 1] = text.match(/[\d.]+/g).map(Number);
    return { rgb: [red, green, blue], alpha };
  };
  const over = (above, below) => above.rgb.map((part, i) => part * above.alpha + below[i] * (1 - above.alpha));
  const behind = (element) => {
    if (!element) return [255, 255, 255];
    const own = colour(getComputedStyle(element).backgroundColor);
    return own.alpha === 1 ? own.rgb : over(own, behind(element.parentElement));
  };
  // https://www.w3.org/TR/WCAG22/#dfn-relative-luminance
  const luminance = (rgb) => {
    const [red, green, blue] = rgb.map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const contrast = (one, other) => {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };

  const boxes = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || element.tagName === "title" || isHidden(element)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const rects = [...range.getClientRects()].filter((rect) => rect.width > 0.5 && rect.height > 0.5);
    if (!rects.length || !element.checkVisibility()) continue;
    const box = scrolls(element);
    for (const rect of rects) {
      if (!box && (rect.left < -0.5 || rect.right > innerWidth + 0.5)) say("cut off at the edge", element);
      if (!box) boxes.push({ rect, element });
    }
    const isSvg = element instanceof SVGElement;
    const style = getComputedStyle(element);
    const behindIt = behind(isSvg ? element.closest("div") : element);
    const ratio = contrast(over(colour(isSvg ? style.fill : style.color), behindIt), behindIt);
    if (ratio < 4.5) say(`contrast ${ratio.toFixed(2)}; expected 4.5 at least`, element);
  }
  for (const element of document.body.querySelectorAll("*")) {
    const style = getComputedStyle(element);
    if (element instanceof SVGElement || isHidden(element) || !element.checkVisibility()) continue;
    const clips = ["hidden", "clip"].includes(style.overflowX) && !element.matches(".hidden, thead");
    if (clips && (element.scrollWidth > element.clientWidth + 1 || element.scrollHeight > element.clientHeight + 1)) say("clipped", element);
    if (["auto", "scroll"].includes(style.overflowX) && element.tabIndex < 0) say("scrolls, but not by the keyboard", element);
  }
  boxes.sort((a, b) => a.rect.top - b.rect.top);
  for (let i = 0; i < boxes.length; i += 1) {
    for (let j = i + 1; j < boxes.length && boxes[j].rect.top < boxes[i].rect.bottom - 3; j += 1) {
      const across = Math.min(boxes[i].rect.right, boxes[j].rect.right) - Math.max(boxes[i].rect.left, boxes[j].rect.left);
      const down = Math.min(boxes[i].rect.bottom, boxes[j].rect.bottom) - boxes[j].rect.top;
      // The lines of one text may be close.
      const same = boxes[i].element === boxes[j].element;
      if (!same && across > 1 && down > 3) say(`lies on "${boxes[j].element.textContent.trim().slice(0, 30)}"`, boxes[i].element);
    }
  }
  return found;
})()
