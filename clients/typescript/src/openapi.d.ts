// Generated from openapi/openapi.json by `npm run types`. Do not edit.

export interface paths {
    "/docs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Documentation */
        get: operations["docs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/healthz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Liveness
         * @description Says nothing of the dependencies: restarting this process would not repair them.
         */
        get: operations["healthz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Metrics */
        get: operations["metrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/openapi.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * OpenAPI
         * @description This document, with the schema of orders that this deployment takes.
         */
        get: operations["openapi"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/order": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Place an order
         * @description Answers at once with a presigned URL of the order's status object in S3, and with an honest estimate of when to look
         *     at it. With an `Idempotency-Key` a repeated request gives the same order, and finishes what an earlier try left.
         */
        post: operations["submitOrder"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/order/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show an order
         * @description Meant for renewing URLs and for clients that cannot reach S3: who polls, polls `status_url`. With `Prefer: wait=N`
         *     the request is held until the order changes.
         */
        get: operations["showOrder"];
        put?: never;
        post?: never;
        /**
         * Cancel an order
         * @description An order that waits is cancelled at once. One that is being worked on is cancelled by its worker within seconds,
         *     unless it ends first: follow `status_url` to see which.
         */
        delete: operations["cancelOrder"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/order/{id}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Follow an order by server-sent events
         * @description The status object at once, and again after each change; the event's id is its revision. The stream ends after the final
         *     status; a client that connects again with that revision as Last-Event-ID gets 204, by which an EventSource stops.
         */
        get: operations["followOrder"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/readyz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Readiness
         * @description Which of S3, SQS and DynamoDB can be reached, as of at most a second ago.
         */
        get: operations["readyz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/ws": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Follow orders over a WebSocket
         * @description With the token of an order, or without one and then `{"action":"subscribe","token":"…"}` for each order. A client gets a
         *     CloudEvent with the status object of each order that it follows, at once and after each change, and problem objects for
         *     what cannot be done.
         */
        get: operations["openWebSocket"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description One attempt at a delivery. */
        Attempt: {
            /**
             * Format: date-time
             * @description When.
             */
            at: string;
            /**
             * Format: int64
             * @description How long it took, in milliseconds.
             */
            duration_ms: number;
            /** @description What went wrong, if something did. */
            error?: string | null;
            /**
             * Format: int32
             * @description The status code of the answer, if there was one.
             */
            status?: number | null;
        };
        /**
         * @description What an estimate rests on.
         * @enum {string}
         */
        Basis: "configured" | "measured";
        /** @description What became of one event. */
        DeliveryLog: {
            /** @description Every attempt, the first one first. */
            attempts: components["schemas"]["Attempt"][];
            /** @description The channel: `webhook`. */
            channel: string;
            /**
             * Format: int64
             * @description The event's revision.
             */
            revision: number;
            /** @description Where it stands. */
            state: components["schemas"]["DeliveryState"];
        };
        /**
         * @description Where a delivery stands.
         * @enum {string}
         */
        DeliveryState: "delivered" | "retrying" | "gone" | "given_up";
        /** @description What the service stands on. */
        Dependencies: {
            /** @description The order table. */
            dynamodb: components["schemas"]["Dependency"];
            /** @description The bucket. */
            s3: components["schemas"]["Dependency"];
            /** @description The queue. */
            sqs: components["schemas"]["Dependency"];
        };
        /**
         * @description Whether one of them can be reached.
         * @enum {string}
         */
        Dependency: "ok" | "unavailable";
        /** @description When the order is expected to be done, as absolute times. */
        EtaWindow: {
            /**
             * Format: date-time
             * @description The median.
             */
            at: string;
            /**
             * Format: date-time
             * @description The 10th percentile.
             */
            earliest_at: string;
            /**
             * Format: date-time
             * @description The 90th percentile.
             */
            latest_at: string;
        };
        /** @description Said by whoever lives. */
        Health: {
            /** @description Always `ok`. */
            status: string;
        };
        /** @description Where else to go from here. Members are left out where this deployment does not serve them. */
        Links: {
            /**
             * Format: uri
             * @description Its changes as server-sent events (with the order token as the query parameter `token`, or as a header).
             */
            events?: string | null;
            /**
             * Format: uri
             * @description The order itself: its status, fresh URLs (with the order token).
             */
            self: string;
            /**
             * Format: uri
             * @description Changes of many orders over one WebSocket (with the order token as the query parameter `token`, or in a message).
             */
            websocket?: string | null;
        };
        /** Order */
        OrderRequest: {
            /** @enum {unknown} */
            kind: "fulfilment" | "report";
            /**
             * Options
             * @description What is not the order: when it may start and must end
             */
            options?: {
                deadline_seconds?: number;
                delay_seconds?: number;
                task_token?: string;
                /** Format: uri */
                webhook_url?: string;
            };
        } & (unknown & unknown);
        /** @description A problem. `type` is stable and documented; `detail` is for people and may change. */
        Problem: {
            /** @description What was wrong this time, where, and what to do about it. */
            detail?: string | null;
            /** @description Each violation of an invalid document. */
            errors?: components["schemas"]["Violation"][];
            /** @description The request that met the problem, as in the `x-request-id` header and the service's log. */
            request_id?: string | null;
            /**
             * Format: int32
             * @description The HTTP status code that goes with it.
             */
            status: number;
            /** @description The type in a few words. */
            title: string;
            /** @description Identifies the type of problem: `https://status-offload.dev/problems/{slug}`. */
            type: string;
        };
        /** @description How far the work is, by the processor's own account. */
        ProgressReport: {
            /** @description What is being done, at most [`PROGRESS_MESSAGE_MAX_CHARS`] characters. */
            message?: string | null;
            /**
             * Format: int32
             * @description 0 to 100.
             */
            percent: number;
        };
        /** @description What a client needs to follow its order. */
        Receipt: {
            eta: components["schemas"]["ReceiptEta"];
            /** Format: uuid */
            id: string;
            links: components["schemas"]["Links"];
            /** @description The capability for this order: as `Authorization: Bearer`, or as `token=` in the query. */
            order_token: string;
            /**
             * Format: int64
             * @description When to look at `status_url` first, in milliseconds from now.
             */
            poll_after_ms: number;
            /** @description `pending`, unless a repeated request finds its order further on. */
            status: components["schemas"]["Status"];
            status_access?: components["schemas"]["StatusAccess"] | null;
            /**
             * Format: uri
             * @description A presigned GET URL of the status object in S3. Poll it with `If-None-Match`. Not there where the service hands out credentials
             *     instead (`status_access`).
             */
            status_url: string;
            /**
             * Format: date-time
             * @description Until when `status_url` works; `links.self` gives a fresh one.
             */
            status_url_expires_at: string;
        };
        /** @description When the order should be done. */
        ReceiptEta: {
            /**
             * Format: date-time
             * @description The median as a time.
             */
            at: string;
            basis: components["schemas"]["Basis"];
            /**
             * Format: double
             * @description The 10th percentile.
             */
            p10_seconds: number;
            /**
             * Format: double
             * @description The 90th percentile.
             */
            p90_seconds: number;
            /**
             * Format: int64
             * @description Orders waiting in the queue, approximately and as of a second or so ago.
             */
            queue_depth: number;
            /**
             * Format: double
             * @description The median, in seconds from now.
             */
            seconds: number;
        };
        /** @description Text that is told to the client and to no log. */
        Secret: string;
        /**
         * @description Where an order stands. The last three are final: an order that has one keeps it.
         * @enum {string}
         */
        Status: "pending" | "processing" | "completed" | "failed" | "cancelled";
        /** @description Temporary credentials that can read the one status object: for an SDK of S3. */
        StatusAccess: {
            access_key_id: string;
            /** @description The bucket of the status object. */
            bucket: string;
            /** @description The S3 endpoint, if it is not AWS's own. */
            endpoint?: string | null;
            /**
             * Format: date-time
             * @description Until when they work; `links.self` gives fresh ones.
             */
            expires_at: string;
            /** @description Its key: the credentials open no other. */
            key: string;
            /** @description The bucket's region. */
            region: string;
            secret_access_key: components["schemas"]["Secret"];
            session_token: components["schemas"]["Secret"];
        };
        /** @description The small JSON object in S3. Whoever holds its URL can read it, so nothing of the order's payload is in it. */
        StatusObject: {
            /**
             * Format: int32
             * @description How often a worker has started the work, in this generation.
             */
            attempt: number;
            /**
             * Format: date-time
             * @description When the order was accepted.
             */
            created_at: string;
            /** @description Whether `status` is final: the client can stop looking. */
            done: boolean;
            error?: components["schemas"]["Problem"] | null;
            eta?: components["schemas"]["EtaWindow"] | null;
            /**
             * Format: date-time
             * @description When the order got its final status.
             */
            finished_at?: string | null;
            /**
             * Format: int32
             * @description 1; one more each time that an operator gave the order, which had failed, another chance. Within a generation a
             *     final status never changes.
             */
            generation?: number;
            /**
             * Format: uuid
             * @description The order.
             */
            id: string;
            /**
             * Format: int64
             * @description How long to wait from `updated_at` before the next look, in milliseconds; `null` once done.
             */
            poll_after_ms?: number | null;
            progress?: components["schemas"]["ProgressReport"] | null;
            /** @description Where the service itself tells of this order, and renews URLs (with the order token). */
            renew: string;
            /** @description The result, if it is small. */
            result?: unknown;
            /** @description A presigned GET URL of the result, if it is large. */
            result_url?: string | null;
            /**
             * Format: date-time
             * @description Until when `result_url` works; `GET {renew}` gives a fresh one.
             */
            result_url_expires_at?: string | null;
            /**
             * Format: int64
             * @description Grows with every change; an object with a smaller one is older.
             */
            revision: number;
            /**
             * Format: date-time
             * @description When a worker first started the work.
             */
            started_at?: string | null;
            /** @description Where it stands. */
            status: components["schemas"]["Status"];
            /**
             * Format: date-time
             * @description When this revision was made.
             */
            updated_at: string;
        };
        /** @description The status object as it is in the order table, with fresh URLs. */
        StatusView: components["schemas"]["StatusObject"] & {
            /** @description What became of the last events for the order's webhook, the newest first; only where it has one. */
            deliveries?: components["schemas"]["DeliveryLog"][] | null;
            links: components["schemas"]["Links"];
            /** @description The order's token; only in the answer to the `POST` that placed it. */
            order_token?: string | null;
            status_access?: components["schemas"]["StatusAccess"] | null;
            /**
             * Format: uri
             * @description A presigned GET URL of the status object in S3. Poll this, not the api. Not there where the service hands out credentials
             *     instead (`status_access`).
             */
            status_url: string;
            /**
             * Format: date-time
             * @description Until when `status_url` works.
             */
            status_url_expires_at: string;
        };
        /** @description One thing in a document that its schema does not allow. */
        Violation: {
            /** @description What is wrong there. */
            detail: string;
            /** @description Where: a JSON pointer (RFC 6901) into the request body; empty for the whole document. */
            pointer: string;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    docs: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page that shows /openapi.json */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/html": string;
                };
            };
        };
    };
    healthz: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The process answers */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
        };
    };
    metrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OpenMetrics text */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/openmetrics-text": string;
                };
            };
        };
    };
    openapi: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description An OpenAPI 3.1 document */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": Record<string, never>;
                };
            };
        };
    };
    submitOrder: {
        parameters: {
            query?: never;
            header?: {
                /** @description 1 to 255 visible ASCII characters, bare or quoted; the same key gives the same order */
                "Idempotency-Key"?: string | null;
                /** @description wait=N: hold the request for up to N seconds (60 at most) and answer 200 if the order has ended by then */
                Prefer?: string | null;
                /** @description W3C trace context; it follows the order to its worker */
                traceparent?: string | null;
                /** @description 1 to 64 of A-Z a-z 0-9 . _ -; echoed in every answer */
                "x-request-id"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        /** @description The order, at most 256 KiB */
        requestBody?: {
            content: {
                "application/json": components["schemas"]["OrderRequest"];
            };
        };
        responses: {
            /** @description The order has ended within the wait that was preferred */
            200: {
                headers: {
                    /** @description The order */
                    Location?: string;
                    /** @description wait=N */
                    "Preference-Applied"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StatusView"];
                };
            };
            /** @description Accepted */
            202: {
                headers: {
                    /** @description The order */
                    Location?: string;
                    /** @description wait=N, if the request was held */
                    "Preference-Applied"?: string | null;
                    /** @description The estimate in whole seconds */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Receipt"];
                };
            };
            /**
             * @description `invalid-json`: The request body is not valid JSON
             *     `invalid-prefer`: The Prefer header is not valid
             *     `invalid-idempotency-key`: The Idempotency-Key header is not valid
             *     `body-incomplete`: The request body is incomplete
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `body-timeout`: The request body did not arrive in time */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `idempotency-key-in-use`: A request with this idempotency key is in progress; retry after the seconds of `Retry-After` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `order-expired`: The order of this idempotency key has expired */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `body-too-large`: The request body is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported-media-type`: The request body must be JSON */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `invalid-order`: The order is not valid
             *     `idempotency-key-reused`: The idempotency key belongs to another request
             */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `storage-unavailable`: The service's storage is unavailable; retry after the seconds of `Retry-After`
             *     `overloaded`: The service is overloaded; retry after the seconds of `Retry-After`
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    showOrder: {
        parameters: {
            query?: never;
            header?: {
                /** @description wait=N: hold the request for up to N seconds (60 at most) until the order changes or has ended */
                Prefer?: string | null;
            };
            path: {
                /** @description The order */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The order */
            200: {
                headers: {
                    /** @description wait=N, if the preference was applied */
                    "Preference-Applied"?: string | null;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StatusView"];
                };
            };
            /**
             * @description `invalid-order-id`: This is not an order id
             *     `invalid-prefer`: The Prefer header is not valid
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `token-missing`: The order token is missing */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `token-invalid`: The order token is not valid */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `order-not-found`: There is no such order */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `storage-unavailable`: The service's storage is unavailable; retry after the seconds of `Retry-After`
             *     `overloaded`: The service is overloaded; retry after the seconds of `Retry-After`
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    cancelOrder: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The order */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The order was cancelled before */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StatusView"];
                };
            };
            /** @description Cancellation is asked for; status says whether it is done already */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StatusView"];
                };
            };
            /** @description `invalid-order-id`: This is not an order id */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `token-missing`: The order token is missing */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `token-invalid`: The order token is not valid */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `order-not-found`: There is no such order */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `order-already-ended`: The order has already ended */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `storage-unavailable`: The service's storage is unavailable; retry after the seconds of `Retry-After`
             *     `overloaded`: The service is overloaded; retry after the seconds of `Retry-After`
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    followOrder: {
        parameters: {
            query?: {
                /** @description true: cancel the order if it has not started when its last follower leaves */
                cancel_on_disconnect?: boolean;
            };
            header?: {
                /** @description The last revision that the client has: it is not sent again */
                "Last-Event-ID"?: string | null;
            };
            path: {
                /** @description The order */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A stream of status objects */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            /** @description The order has ended, and the client knows it */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `invalid-order-id`: This is not an order id */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `token-missing`: The order token is missing */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `token-invalid`: The order token is not valid */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `order-not-found`: There is no such order */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `no-push`: This deployment does not push updates */
            501: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `storage-unavailable`: The service's storage is unavailable; retry after the seconds of `Retry-After`
             *     `too-many-connections`: Too many connections are open; retry after the seconds of `Retry-After`
             *     `overloaded`: The service is overloaded; retry after the seconds of `Retry-After`
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readyz: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All can be reached */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Dependencies"];
                };
            };
            /** @description Some cannot */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Dependencies"];
                };
            };
        };
    };
    openWebSocket: {
        parameters: {
            query?: {
                /** @description true: cancel the order if it has not started when its last follower leaves */
                cancel_on_disconnect?: boolean;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The connection is a WebSocket now */
            101: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `token-invalid`: The order token is not valid */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not-a-websocket`: This route is for WebSockets only */
            426: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `no-push`: This deployment does not push updates */
            501: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /**
             * @description `too-many-connections`: Too many connections are open; retry after the seconds of `Retry-After`
             *     `overloaded`: The service is overloaded; retry after the seconds of `Retry-After`
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
}
