// Spread a tab's last answer over the components that show it; without one, they show that nothing was drawn.
(answer) => {
  const { verdict = "Draw a digit or a number", label = {}, seen = "", found = null, reading = null, text = "" } = answer ?? {};
  const { digits = [], chosen = 0 } = answer ?? {};
  const correction = { reading, read: text, chosen, text: "" };
  return [verdict, { digits, chosen }, label, seen, found, reading, chosen, correction, ""];
}
