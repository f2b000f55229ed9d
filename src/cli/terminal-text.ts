/** Strings of clients as a terminal may show them. */

/** Escapes line breaks and other control characters, which would break a line or control the terminal. */
export const plain = (text: string) =>
  text.replace(/[\u0000-\u001f\u007f-\u009f]/g, (char) =>
    JSON.stringify(char)
      .slice(1, -1)
      .replace(/^[^\\]$/, "�"),
  );
