
'use strict';
let api = null;
const keyField = document.getElementById('key');

// Text only ever becomes text nodes, so nothing in the document can turn into markup.
function element(tag, properties, ...children) {
  const node = document.createElement(tag);
  Object.assign(node, properties || {});
  node.append(...children);
  return node;
}

function resolve(schema) {
  if (!schema || !schema.$ref) return schema || {};
  return api.components.schemas[schema.$ref.split('/').pop()] || {};
}

function describeType(schema) {
  schema = resolve(schema);
  if ('const' in schema) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.filter((one) => one !== null).map((one) => JSON.stringify(one)).join(' | ');
  if (schema.anyOf) return schema.anyOf.map(describeType).filter((one) => one).join(' | ');
  const type = [].concat(schema.type || 'any').filter((one) => one !== 'null').join(' | ');
  const parts = [type];
  if (schema.items) parts[0] = 'array of ' + describeType(schema.items);
  if (schema.properties) parts[0] += ' {' + Object.keys(schema.properties).join(', ') + '}';
  if ('exclusiveMinimum' in schema) parts.push('> ' + schema.exclusiveMinimum);
  if ('minimum' in schema && schema.minimum > -1e15) parts.push('≥ ' + schema.minimum);
  if ('maximum' in schema && schema.maximum < 2147483647) parts.push('≤ ' + schema.maximum);
  if ('default' in schema) parts.push('default ' + JSON.stringify(schema.default));
  return parts.join(', ');
}

function fieldTable(schema) {
  const table = element('table');
  const required = schema.required || [];
  const names = Object.keys(schema.properties || {});
  names.sort((a, b) => required.includes(b) - required.includes(a));
  for (const name of names) {
    const field = resolve(schema.properties[name]);
    const kind = (required.includes(name) ? 'required; ' : '') + describeType(field);
    table.append(element('tr', null, element('td', null, name), element('td', null, kind),
      element('td', null, field.description || '')));
  }
  return table;
}

const examples = {
  createChatCompletion: { model: 'MODEL', messages: [{ role: 'user', content: 'Tell me a story about a lighthouse.' }],
    max_tokens: 120, stream: true },
  createCompletion: { model: 'MODEL', prompt: 'Once upon a time', max_tokens: 60 },
  tokenize: { model: 'MODEL', prompt: 'Once upon a time' },
  detokenize: { model: 'MODEL', tokens: [1, 2, 3] },
  createKey: { name: 'my studio', scopes: ['infer'] },
};
let modelId = 'smollm2-135m-instruct';

const jsonType = 'application/json';
const bodyType = (operation) => Object.keys(operation.requestBody.content)[0];
const takesJson = (operation) => Boolean(operation.requestBody) && bodyType(operation) === jsonType;

function exampleBody(operation) {
  const body = examples[operation.operationId];
  return body ? JSON.stringify(body, null, 2).replaceAll('MODEL', modelId) : '';
}

const quote = (text) => "'" + text.replaceAll("'", "'\\''") + "'";

function curlText(method, path, operation, body) {
  const lines = ['curl -N ' + quote(location.origin + path)];
  if (method !== 'get') lines.push('-X ' + method.toUpperCase());
  if (!operation.security) lines.push('-H ' + '"Authorization: Bearer ' + (keyField.value ? '$MARQUEE_KEY' : 'KEY') + '"');
  if (body) lines.push("-H 'Content-Type: application/json'", '-d ' + quote(body));
  if (operation.requestBody && !takesJson(operation)) lines.push('-F purpose=fine-tune', '-F file=@data.jsonl');
  return lines.join(' \\\n  ');
}

async function send(method, path, body, output) {
  output.hidden = false;
  output.textContent = '…';
  const headers = {};
  if (keyField.value) headers.Authorization = 'Bearer ' + keyField.value;
  if (body) headers['Content-Type'] = 'application/json';
  try {
    const answer = await fetch(path, { method: method.toUpperCase(), headers, body: body || undefined });
    output.textContent = answer.status + ' ' + (answer.headers.get('content-type') || '') + '\n\n';
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) output.append(part.value);
  } catch (error) {
    output.textContent = String(error);
  }
}

function tryIt(method, path, operation) {
  const box = element('div');
  const names = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
  const inputs = names.map((name) => element('input', { placeholder: name, ariaLabel: name,
    value: path.startsWith('/v1/models/') ? modelId : '' }));
  const body = takesJson(operation) ? element('textarea', { value: exampleBody(operation), spellcheck: false,
    ariaLabel: 'Body' }) : null;
  const curl = element('pre');
  const output = element('pre', { hidden: true });
  const realPath = () => names.reduce((whole, name, i) =>
    whole.replace('{' + name + '}', encodeURIComponent(inputs[i].value) || '{' + name + '}'), path);
  const update = () => { curl.textContent = curlText(method, realPath(), operation, body ? body.value : ''); };
  for (const input of [...inputs, body, keyField]) if (input) input.addEventListener('input', update);
  update();
  const copy = element('button', { type: 'button' }, 'Copy');
  copy.addEventListener('click', async () => { await navigator.clipboard.writeText(curl.textContent); });
  const go = element('button', { type: 'button' }, 'Send');
  go.addEventListener('click', () => send(method, realPath(), body ? body.value : '', output));
  const canSend = !operation.requestBody || takesJson(operation);  // a form with a file is for curl
  box.append(...inputs, ...(body ? [body] : []), curl, copy, ...(canSend ? [go] : []), output);
  return box;
}

function routeSection(method, path, operation) {
  const section = element('section', { id: operation.operationId });
  section.append(element('h2', null, element('span', { className: method }, method.toUpperCase() + ' '), path),
    element('p', null, operation.summary + '. ', element('span', { className: 'note' },
      'Key: ' + operation['x-marquee-access'] + '.')));
  for (const parameter of operation.parameters || []) {
    section.append(element('p', { className: 'note' }, parameter.in + ' parameter ' + parameter.name + ': ' +
      describeType(parameter.schema) + '. ' + (parameter.description || '')));
  }
  if (operation.requestBody) {
    const schema = resolve(operation.requestBody.content[bodyType(operation)].schema);
    section.append(element('details', { open: method !== 'get' }, element('summary', null, 'Body, ' + bodyType(operation)), fieldTable(schema)));
  }
  const answers = element('table');
  for (const [status, answer] of Object.entries(operation.responses)) {
    const kinds = Object.entries(answer.content || {}).map(([type, content]) =>
      (content.schema.$ref || '').split('/').pop() || type).join(', ');
    answers.append(element('tr', null, element('td', null, status), element('td', null, kinds),
      element('td', null, answer.description)));
  }
  section.append(element('details', null, element('summary', null, 'Answers'), answers),
    element('details', null, element('summary', null, 'Try it'), tryIt(method, path, operation)));
  return section;
}

function schemaSection(name, schema) {
  return element('section', { id: 'schema-' + name }, element('h2', null, name),
    schema.properties ? fieldTable(schema) : element('pre', null, JSON.stringify(schema, null, 2)));
}

async function show() {
  const answer = await fetch('/openapi.json');
  api = await answer.json();
  document.getElementById('version').textContent = api.info.version;
  document.getElementById('about').textContent = api.info.description;
  const routes = document.getElementById('routes');
  const contents = document.getElementById('contents');
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      routes.append(routeSection(method, path, operation));
      contents.append(element('a', { href: '#' + operation.operationId },
        element('span', { className: method }, method.toUpperCase() + ' '), path));
    }
  }
  contents.append(element('h3', null, 'Objects'));
  for (const [name, schema] of Object.entries(api.components.schemas)) {
    routes.append(schemaSection(name, schema));
    contents.append(element('a', { href: '#schema-' + name }, name));
  }
}

show().catch((error) => { document.getElementById('about').textContent = 'Could not read /openapi.json: ' + error; });
