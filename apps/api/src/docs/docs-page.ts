import type { NestExpressApplication } from '@nestjs/platform-express';
import { type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import type { Express } from 'express';

/**
 * Serves the description at /openapi.json, behind the key like everything else, and at /docs a page that shows it. The
 * page itself is open, because a browser cannot send a key when it opens an address; it holds nothing of the description,
 * asks for a key, and keeps it until the tab is closed.
 */
export function serveDocs(app: NestExpressApplication, document: OpenAPIObject): void {
  const express = app.getHttpAdapter().getInstance() as Express;
  express.get('/openapi.json', (_request, response) => response.json(document));
  express.get('/docs/key.js', (_request, response) => response.type('text/javascript').send(KEY_FORM));
  SwaggerModule.setup('docs', app, () => document, {
    raw: false,
    swaggerUrl: '/openapi.json',
    // The page would carry the whole description otherwise.
    patchDocumentOnRequest: () => undefined as unknown as OpenAPIObject,
    customSiteTitle: 'Meterline API',
    customJs: '/docs/key.js',
    swaggerOptions: { persistAuthorization: false, requestInterceptor: sendKey },
  });
}

/** Runs in the browser: sends the key along, to this service only. */
function sendKey(request: { url: string; headers: Record<string, string> }): unknown {
  const browser = globalThis as unknown as {
    sessionStorage: Map<string, string> & { getItem(name: string): string };
    location: URL;
  };
  const key = browser.sessionStorage.getItem('meterline-key');
  const here = new URL(request.url, browser.location.href).origin === browser.location.origin;
  if (key && here && !request.headers.Authorization) request.headers.Authorization = `Bearer ${key}`;
  return request;
}

const KEY_FORM = `
const form = document.createElement('form');
form.style = 'display:flex;gap:.5rem;align-items:center;padding:.75rem 1.25rem;background:#1b1b1b;color:#fff;font:14px sans-serif';
form.innerHTML = '<label for="api-key">API key</label>' +
  '<input id="api-key" type="password" autocomplete="off" required size="48">' +
  '<button>Show the documentation</button><button type="button" hidden>Forget the key</button>';
const [show, forget] = form.querySelectorAll('button');
form.addEventListener('submit', (event) => {
  event.preventDefault();
  sessionStorage.setItem('meterline-key', form.querySelector('input').value.trim());
  location.reload();
});
forget.hidden = sessionStorage.getItem('meterline-key') === null;
document.getElementById('swagger-ui').hidden = forget.hidden;
forget.addEventListener('click', () => { sessionStorage.removeItem('meterline-key'); location.reload(); });
document.body.prepend(form);
`;
