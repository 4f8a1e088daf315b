export const offset = 100
