Redoc.init(
  "/openapi.json",
  {
    // The search needs a worker from a blob, which the policy forbids.
    disableSearch: true,
    hideDownloadButtons: true,
    expandResponses: "200,201",
    // Nothing is loaded from another server.
    theme: {
      typography: {
        fontFamily: "system-ui, sans-serif",
        headings: { fontFamily: "system-ui, sans-serif" },
      },
    },
  },
  document.getElementById("redoc"),
);
