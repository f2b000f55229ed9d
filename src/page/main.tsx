/** The entry of the page in the browser. */
import "./language.ts";
import { render } from "preact";
import { App } from "./app.tsx";

const root = document.querySelector("#page");
if (root === null) throw new Error("the page has no place for its views");
render(<App />, root);
