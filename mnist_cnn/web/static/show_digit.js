// Show the digit of a number that was chosen, and let the next correction be of it.
({ digits, chosen }, correction) => [{ ...digits[chosen].label, confidences: digits[chosen].label.confidences.map((row) => ({ ...row, confidence: Math.min(row.confidence, 0.99) })) }, digits[chosen].seen, chosen, { ...correction, chosen }]
