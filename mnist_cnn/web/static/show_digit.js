// Show the digit of a number that was chosen, and let the next correction be of it.
({ digits, chosen }, correction) => [digits[chosen].label, digits[chosen].seen, chosen, { ...correction, chosen }]
