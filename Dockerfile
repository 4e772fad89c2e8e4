# Node 20 is past its end of life; images run on 24.
FROM node:24.15.0-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY . .
RUN npm run build

FROM node:24.15.0-slim
# Two arenas keep the allocator from holding on to memory that other threads have freed. Fixed thresholds make it give large
# buffers back as they are freed; else it raises them to what it met, and answers of a report API leave holes in its heap. Half
# of the usual young generation makes a worker thirty megabytes smaller, and its memory the same from one moment to the next,
# at no cost in time.
ENV NODE_ENV=production NODE_OPTIONS=--max-semi-space-size=16 \
  MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=131072 MALLOC_TRIM_THRESHOLD_=131072
WORKDIR /app
COPY package.json package-lock.json ./
# The PostgreSQL of the standalone is an optional package; servers have one of their own.
# Packages of fonts bring nine weights and pictures of them, 315 MB; pages have two weights, 64 MB.
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund && npm cache clean --force \
  && find node_modules/@expo-google-fonts -type f \( -name '*.ttf' -o -name '*.png' \) \
    ! -name '*_400Regular.ttf' ! -name '*_600SemiBold.ttf' -delete
COPY --from=build /app/dist ./dist
COPY --from=build /app/prisma ./prisma
RUN ln -s /app/dist/apps/cli/src/main.js /usr/local/bin/meterline
USER node
CMD ["node", "dist/apps/api/src/main.js"]
