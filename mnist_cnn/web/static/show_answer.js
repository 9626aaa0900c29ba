// Spread a tab's last answer over the components that show it; without one, they show that nothing was drawn.
(answer) => [
  answer?.verdict ?? "Draw a digit",
  answer?.label ?? {},
  answer?.seen ?? "",
  answer?.found ?? "",
  answer?.reading ?? null,
  "",
]
