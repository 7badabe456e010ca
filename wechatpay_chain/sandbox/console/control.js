// The sandbox's control API, with the token of one that listens for other machines.
const KEY = "wechatpay-sandbox-token";

export class ControlError extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export const get = (path, query = {}) => ask("GET", path, undefined, query);
export const post = (path, fields = {}) => ask("POST", path, fields);
export const remove = (path) => ask("DELETE", path, {});
export const keepToken = (token) => sessionStorage.setItem(KEY, token);

// A path of what its owner named: numbers may hold any character.
export const path = (...parts) => parts.map(encodeURIComponent).join("/");

async function ask(method, where, fields, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  const search = given.length ? `?${new URLSearchParams(given)}` : "";
  const token = sessionStorage.getItem(KEY);
  const headers = {};
  if (fields !== undefined) headers["Content-Type"] = "application/json";
  if (token) headers.Authorization = `Bearer ${token}`;
  let answer;
  try {
    answer = await fetch(`/_/${where}${search}`, {
      method, headers, body: fields === undefined ? undefined : JSON.stringify(fields), cache: "no-store",
    });
  } catch {
    throw new ControlError(0, "UNREACHABLE", "");
  }
  const text = await answer.text();
  let told = null;
  try { told = JSON.parse(text); } catch { /* an answer without JSON has its status alone */ }
  if (!answer.ok) throw new ControlError(answer.status, told?.code ?? "", told?.message ?? answer.statusText);
  return told;
}
