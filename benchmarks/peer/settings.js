// Node-RED as it is installed, but for: this machine only, a free port, no news of us to anybody.
module.exports = {
    uiHost: "127.0.0.1",
    uiPort: process.env.PORT,
    flowFile: "flow.json",
    credentialSecret: false,
    telemetry: { enabled: false, updateNotification: false },
    externalModules: { palette: { allowInstall: false }, modules: { allowInstall: false } },
    logging: { console: { level: "info", metrics: false, audit: false } },
};
