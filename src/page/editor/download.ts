/** A file for the person, from the browser's memory. */

/** Offers bytes as a file of this name. */
export function download(name: string, content: Blob): void {
  const address = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  // The browser has begun to read it by then, and keeps it until it has ended.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
