// Spread a tab's last answer over the components that show it; without one, they show that nothing was drawn.
(answer) => {
  const { verdict = "Draw a digit or a number", label = {}, seen = "", found = null, reading = null, text = "" } = answer ?? {};
  const { digits = [], chosen = 0 } = answer ?? {};
  const correction = { reading, read: text, chosen, text: "" };
  // Nothing is certain: no row says 100 %.
  const confidences = label.confidences?.map((row) => ({ ...row, confidence: Math.min(row.confidence, 0.99) }));
  return [verdict, { digits, chosen }, confidences ? { ...label, confidences } : label, seen, found, reading, chosen, correction, ""];
}
