// Lists what the OpenAPI document describes, with a form for each operation that calls it. Whatever comes from the
// document or an answer goes in as text, never as markup.
"use strict";

(async () => {
  const place = document.getElementById("operations");
  const status = document.getElementById("status");
  const token = document.getElementById("token");
  const csrf = document.querySelector('meta[name="csrf-token"]')?.content;
  const LONGEST = 1 << 20;

  const make = (name, properties = {}, ...children) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(properties)) {
      if (value !== undefined) element[key] = value;
    }
    element.append(...children);
    return element;
  };

  let api;
  try {
    const answer = await fetch("/api/v1/openapi.json");
    if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
    api = await answer.json();
  } catch (e) {
    status.textContent = `The document cannot be read: ${e.message}`;
    status.className = "bad";
    return;
  }
  document.getElementById("about").textContent = `${api.info.title} ${api.info.version}`;
  document.getElementById("credential").hidden = !api.security;

  const resolve = (schema) => {
    let seen = 0;
    while (schema?.$ref && seen++ < 20) {
      schema = schema.$ref.slice(2).split("/").reduce((at, part) => at?.[part], api);
    }
    return schema ?? {};
  };

  const types = (schema) => [schema.type ?? []].flat().filter((type) => type !== "null");

  // A value that shows what a body looks like.
  const example = (schema, depth = 0) => {
    schema = resolve(schema);
    const choice = schema.oneOf ?? schema.anyOf ?? schema.allOf;
    if (schema.examples?.length) return schema.examples[0];
    if (schema.example !== undefined) return schema.example;
    if (schema.default !== undefined) return schema.default;
    if (schema.enum) return schema.enum[0];
    if (choice) return example(choice.find((one) => one.type !== "null") ?? choice[0], depth);
    switch (types(schema)[0]) {
      case "object": {
        const required = schema.required ?? [];
        const names = Object.keys(schema.properties ?? {});
        const shown = names.filter((name) => required.includes(name));
        return Object.fromEntries((shown.length ? shown : names).map((name) => [name, example(schema.properties[name], depth + 1)]));
      }
      case "array":
        return depth > 3 ? [] : (schema.minItems ? [example(schema.items, depth + 1)] : []);
      case "integer":
      case "number":
        return schema.minimum ?? 0;
      case "boolean":
        return false;
      case "string":
        return "";
      default:
        return null;
    }
  };

  const choices = (schema) => resolve(types(schema)[0] === "array" ? schema.items : schema).enum;

  // The field of a parameter: what to show, and how to read it (`undefined` for nothing).
  const field = (parameter, id) => {
    const schema = resolve(parameter.schema);
    const many = types(schema)[0] === "array";
    const known = choices(schema);
    let input;
    if (known) {
      input = make("select", { multiple: many, size: many ? known.length : 1 });
      if (!many) input.append(make("option", { value: "", textContent: "" }));
      for (const value of known) input.append(make("option", { value, textContent: value }));
    } else {
      const number = ["integer", "number"].includes(types(schema)[0]);
      input = make("input", {
        type: number ? "number" : "text",
        min: number ? schema.minimum : undefined,
        max: number ? schema.maximum : undefined,
      });
    }
    input.id = id;
    input.required = parameter.required === true;
    const label = make("label", { htmlFor: id, textContent: `${parameter.name}${parameter.required ? " *" : ""}` });
    const row = make("div", { className: "field" }, label, input);
    if (parameter.description) row.append(make("small", { textContent: parameter.description }));
    const read = () => {
      const values = input.multiple ? [...input.selectedOptions].map((option) => option.value) : [input.value];
      const value = values.filter((one) => one !== "").join(",");
      return value === "" ? undefined : value;
    };
    return { row, read };
  };

  const pretty = (text, kind) => {
    if (!kind.includes("json")) return text;
    try {
      // Numbers that JavaScript would round stay as they came.
      return /\d{16}/.test(text) ? text : JSON.stringify(JSON.parse(text), null, 2);
    } catch {
      return text;
    }
  };

  // Calls the operation and shows the answer as it comes; some go on for as long as one listens.
  const call = async (request, out, stop) => {
    const headers = { accept: "*/*" };
    if (token.value) headers.authorization = `Bearer ${token.value}`;
    if (csrf) headers["x-csrf-token"] = csrf;
    if (request.body !== undefined) headers["content-type"] = request.kind;
    const begun = performance.now();
    out.replaceChildren(make("p", { textContent: "…" }));
    try {
      const answer = await fetch(request.url, {
        method: request.method.toUpperCase(),
        headers,
        body: request.body,
        signal: stop,
        redirect: "error",
      });
      const line = make("p", { className: answer.ok ? "" : "bad" });
      const body = make("pre");
      const shown = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
      out.replaceChildren(line, make("details", {}, make("summary", { textContent: "Headers" }), make("pre", { textContent: shown })), body);
      const time = () => `${answer.status} ${answer.statusText} · ${Math.round(performance.now() - begun)} ms`;
      line.textContent = time();
      let text = "";
      const decoder = new TextDecoder();
      for await (const part of parts(answer.body)) {
        text += decoder.decode(part, { stream: true });
        body.textContent = text;
        if (text.length > LONGEST) {
          text += "\n… (longer than this page shows)";
          break;
        }
      }
      body.textContent = pretty(text, answer.headers.get("content-type") ?? "");
      line.textContent = time();
    } catch (e) {
      out.append(make("p", { className: "bad", textContent: e.name === "AbortError" ? "stopped" : e.message }));
    }
  };

  async function* parts(stream) {
    if (!stream) return;
    const reader = stream.getReader();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        yield value;
      }
    } finally {
      reader.cancel().catch(() => {});
    }
  }

  const entry = (path, method, operation) => {
    const id = operation.operationId;
    const summary = make(
      "summary",
      {},
      make("b", { textContent: method }),
      make("code", { textContent: path }),
      make("span", { textContent: operation.summary ?? "" }),
    );
    const fields = (operation.parameters ?? []).map((parameter) => ({
      parameter,
      ...field(parameter, `${id}-${parameter.name}`),
    }));
    const form = make("form", {}, ...fields.map(({ row }) => row));
    const kinds = Object.keys(operation.requestBody?.content ?? {});
    let body;
    if (kinds.length) {
      const bodyId = `${id}-body`;
      body = make("textarea", { id: bodyId, rows: 8, spellcheck: false });
      if (kinds[0].includes("json")) {
        body.value = JSON.stringify(example(operation.requestBody.content[kinds[0]].schema), null, 2);
      }
      form.append(make("label", { htmlFor: bodyId, textContent: `Body (${kinds[0]})` }), body);
    }
    const send = make("button", { type: "submit", textContent: "Send" });
    const stop = make("button", { type: "button", textContent: "Stop", hidden: true });
    const out = make("div", { className: "answer" });
    out.setAttribute("aria-live", "polite");
    form.append(make("p", {}, send, stop));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      let url = path;
      const query = new URLSearchParams();
      for (const { parameter, read } of fields) {
        const value = read();
        if (value === undefined) continue;
        if (parameter.in === "path") url = url.replace(`{${parameter.name}}`, () => encodeURIComponent(value));
        if (parameter.in === "query") query.set(parameter.name, value);
      }
      if ([...query].length) url += `?${query}`;
      const listening = new AbortController();
      stop.onclick = () => listening.abort();
      send.disabled = true;
      stop.hidden = false;
      await call({ method, url, body: body?.value, kind: kinds[0] }, out, listening.signal);
      send.disabled = false;
      stop.hidden = true;
    });
    const details = make("details", { id }, summary);
    if (operation.description) details.append(make("p", { textContent: operation.description }));
    details.append(form, out);
    details.dataset.text = `${method} ${path} ${operation.summary ?? ""} ${id}`.toLowerCase();
    return details;
  };

  for (const tag of api.tags ?? []) {
    const section = make("section");
    const title = make("h2", { textContent: `${tag.name} ` }, make("small", { textContent: tag.description ?? "" }));
    section.append(title);
    for (const [path, item] of Object.entries(api.paths)) {
      for (const [method, operation] of Object.entries(item)) {
        if (operation.tags?.includes(tag.name)) section.append(entry(path, method, operation));
      }
    }
    if (section.children.length > 1) place.append(section);
  }

  document.getElementById("search").addEventListener("input", (event) => {
    const text = event.target.value.trim().toLowerCase();
    for (const details of place.querySelectorAll("section > details")) {
      details.hidden = !details.dataset.text.includes(text);
    }
    for (const section of place.querySelectorAll("section")) {
      section.hidden = !section.querySelector("details:not([hidden])");
    }
  });
})();
