/** A SHA-256 in hexadecimal, as `integrity` of elements and of `fetch` has it. */
export function integrityOf(sha256: string): string {
  const bytes = (sha256.match(/../g) ?? []).map((digits) => Number.parseInt(digits, 16))
  return `sha256-${btoa(String.fromCharCode(...bytes))}`
}
