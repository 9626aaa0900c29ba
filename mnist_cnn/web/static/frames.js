// Frames on a picture or a film. `build_part` puts this before the scripts of both.

// Draw a handlers.Found on an SVG element: its frames, each with its text above it, and the picture if it has one.
function drawFrames(overlay, found, texts = "") {
  const make = (name, attributes) => {
    const shape = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const key in attributes) shape.setAttribute(key, attributes[key]);
    return shape;
  };
  const { width: across, height: down, boxes = [], url } = found ?? {};
  if (found) overlay.setAttribute("viewBox", `0 0 ${across} ${down}`);
  const frames = ["edge", "frame"].flatMap((name) =>
    boxes.map(([x, y, width, height]) =>
      make("rect", { class: name, x, y, width, height, "vector-effect": "non-scaling-stroke" }),
    ),
  );
  const size = down / 10;
  const labels = [...texts].map((text, index) => {
    const [x, y] = boxes[index];
    const label = make("text", { x, y: Math.max(y - size / 4, size), "font-size": size });
    label.textContent = text;
    return label;
  });
  const picture = url ? [make("image", { href: url, width: across, height: down })] : [];
  overlay.replaceChildren(...picture, ...frames, ...labels);
}
