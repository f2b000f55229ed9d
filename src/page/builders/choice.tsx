/** The choice of one of a few words. */

/** A list of words, each shown as `texts` says. */
export function WordChoice<T extends string>(props: {
  label: string;
  isLabelSeen?: boolean;
  chosen: T;
  texts: Readonly<Record<T, string>>;
  words: readonly T[];
  onChoose: (word: T) => void;
}) {
  const { label, isLabelSeen = true, chosen, texts, words, onChoose } = props;
  return (
    <label class="choice">
      <span class={isLabelSeen ? "" : "unseen"}>{label}</span>
      <select
        value={chosen}
        onChange={({ currentTarget: { value } }) => {
          const word = words.find((each) => each === value);
          if (word !== undefined) onChoose(word);
        }}
      >
        {words.map((word) => (
          <option key={word} value={word}>
            {texts[word]}
          </option>
        ))}
      </select>
    </label>
  );
}
