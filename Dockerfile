# One image for every part of Outturn: the command decides whether it is the API, a worker, a migration or all of them.
# The source runs as it is; there is nothing to build, so the first stage only installs what production needs.
FROM node:24-slim AS dependencies
WORKDIR /outturn
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --no-audit --no-fund

FROM node:24-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=4680 OUTTURN_DATA=/var/lib/outturn
WORKDIR /outturn
# A named volume takes the owner of the folder it covers, so both exist before the user changes.
RUN mkdir -p /var/lib/outturn /archive && chown node:node /var/lib/outturn /archive
COPY --from=dependencies /outturn/node_modules ./node_modules
COPY . .
USER node
VOLUME /var/lib/outturn
EXPOSE 4680
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "cli/main.ts", "up"]
