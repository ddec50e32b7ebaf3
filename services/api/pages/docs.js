"use strict";
// Beside this page, wherever the entrance shows it.
SwaggerUIBundle({ url: "openapi.json", dom_id: "#docs", deepLinking: true, validatorUrl: null, docExpansion: "none" });
