// Generated from openapi/openapi.json by `npm run types`. Do not edit.

export type paths = Record<string, never>;
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
             * @description How long it took, in milliseconds; 0 if there was no answer.
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
         * @description What an estimate is based on.
         * @enum {string}
         */
        Basis: "configured" | "measured";
        /** @description What became of the orders of a batch. */
        BatchReceipt: {
            /** @description Orders that were accepted. */
            accepted: number;
            group?: components["schemas"]["Receipt"] | null;
            /** @description Of each order what `POST /order` would have answered, in the order in which they were sent. */
            orders: components["schemas"]["OrderResult"][];
            /** @description Orders that were not. */
            refused: number;
        };
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
            /** @description Its state. */
            state: components["schemas"]["DeliveryState"];
        };
        /**
         * @description The state of a delivery.
         * @enum {string}
         */
        DeliveryState: "delivered" | "retrying" | "gone" | "given_up";
        /** @description The dependencies of the service, and its clock. */
        Dependencies: {
            /**
             * Format: double
             * @description What AWS's time is ahead of this machine's clock, in seconds; 0 while that may be right. It
             *     makes nothing unready: the service goes by AWS's time.
             */
            clock_offset_seconds: number;
            /** @description The order table. */
            dynamodb: components["schemas"]["Dependency"];
            /** @description The bucket. */
            s3: components["schemas"]["Dependency"];
            /** @description The queue. */
            sqs: components["schemas"]["Dependency"];
        };
        /**
         * @description Whether a dependency can be reached.
         * @enum {string}
         */
        Dependency: "ok" | "unavailable";
        /** @description What was erased. */
        ErasedOrder: {
            /** Format: uuid */
            id: string;
            /** @description Objects that were deleted, those that may have been there included. */
            objects: number;
            /** @description Rows that were deleted beside the order's own. */
            rows: number;
        };
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
        /** @description How the orders of a group have ended. */
        GroupCounts: {
            /**
             * Format: int32
             * @description Those that were cancelled.
             */
            cancelled: number;
            /**
             * Format: int32
             * @description Of them, those that were completed.
             */
            completed: number;
            /**
             * Format: int32
             * @description Those that failed.
             */
            failed: number;
            /**
             * Format: int32
             * @description Those that have not ended.
             */
            open: number;
            /**
             * Format: int32
             * @description Orders that were accepted.
             */
            total: number;
        };
        /** @description The status object of a group as it is in the order table, with a fresh URL. */
        GroupView: components["schemas"]["StatusObject"] & components["schemas"]["StatusAccess"] & {
            links: components["schemas"]["Links"];
        };
        /** @description The process is alive. */
        Health: {
            /** @description Always `ok`. */
            status: string;
        };
        /** @description The URLs of an order. A member is absent where this deployment does not serve it. */
        Links: {
            /**
             * Format: uri
             * @description Its status as server-sent events (with the order token as the query parameter `token`, or as
             *     a header).
             */
            events?: string | null;
            /**
             * Format: uri
             * @description The order itself: its status, fresh URLs (with the order token).
             */
            self: string;
            /**
             * Format: uri
             * @description The status of many orders over one WebSocket (with the order token as the query parameter
             *     `token`, or in a message).
             */
            websocket?: string | null;
        };
        /** @description An order of a list. */
        ListedOrder: {
            /**
             * Format: int32
             * @description How often a worker has started the work, in this generation.
             */
            attempt: number;
            /**
             * Format: date-time
             * @description When it was accepted.
             */
            created_at: string;
            error?: components["schemas"]["Problem"] | null;
            /** Format: int32 */
            generation: number;
            /** Format: uuid */
            id: string;
            labels: {
                [key: string]: string;
            };
            progress?: components["schemas"]["ProgressReport"] | null;
            /** Format: int64 */
            revision: number;
            status: components["schemas"]["Status"];
            /** @description Whose it is. */
            tenant: string;
            /**
             * Format: date-time
             * @description When its status was reached.
             */
            updated_at: string;
        };
        OrderBatch: components["schemas"]["OrderRequest"][];
        /** @description The deliveries of an order's events. */
        OrderDeliveries: {
            /** @description Those of the last events, the newest first. */
            deliveries: components["schemas"]["DeliveryLog"][];
            /** Format: uuid */
            order: string;
        };
        /** @description A page of a list of orders. */
        OrderList: {
            /** @description The query `after` of the next page; `null` on the last one. */
            next?: string | null;
            orders: components["schemas"]["ListedOrder"][];
            /**
             * @description How many entries of the index were searched for them: 200 at most, so a page may have few
             *     orders, or none, and not be the last one.
             */
            searched: number;
        };
        /** Order */
        OrderRequest: {
            /** @enum {unknown} */
            kind: "fulfilment" | "report";
            /**
             * Options
             * @description Options of the service: when the order may start and must end, its callbacks and its labels
             */
            options?: {
                deadline_seconds?: number;
                delay_seconds?: number;
                labels?: {
                    [key: string]: string;
                };
                /** @enum {unknown} */
                priority?: "low" | "normal" | "high";
                task_token?: string;
                /** Format: uri */
                webhook_url?: string;
            };
        } & (unknown & unknown);
        /** @description What became of one order: a receipt if it was accepted, else a problem. */
        OrderResult: {
            /** @description It was accepted. */
            receipt: components["schemas"]["Receipt"];
        } | {
            /** @description It was not, and nothing is done for it. */
            problem: components["schemas"]["Problem"];
        };
        /** @description The capabilities for one order. */
        OrderTokens: {
            /**
             * Format: password
             * @description The capability for this order: read, subscribe and cancel. Send it as `Offload-Token`, or as
             *     `Authorization: Bearer` where that is free.
             */
            order_token: string;
            /**
             * Format: password
             * @description The same without cancelling: for URLs (`token=`), which end up in histories and logs, and
             *     for those who only wait.
             */
            read_token: string;
            /**
             * Format: date-time
             * @description Until when both work.
             */
            token_expires_at: string;
        };
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
        /** @description What a client needs to read the status of its order. */
        Receipt: components["schemas"]["StatusAccess"] & components["schemas"]["OrderTokens"] & {
            eta: components["schemas"]["ReceiptEta"];
            /** Format: uuid */
            id: string;
            links: components["schemas"]["Links"];
            /**
             * Format: int64
             * @description When to poll `status_url` first, in milliseconds from now.
             */
            poll_after_ms: number;
            /** @description `pending`, unless a repeated request finds its order further on. */
            status: components["schemas"]["Status"];
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
        /** @description The secret of a receiver of webhooks. */
        ReceiverSecret: {
            /**
             * @description whsec_ and base64. Several, while the operator's is being replaced: a message is signed by
             *     each.
             */
            secrets: string[];
            /** @description The tenant whose orders it verifies. */
            tenant: string;
        };
        /** @description An event that is sent again. */
        ReplayedEvent: {
            /** Format: uuid */
            order: string;
            /**
             * Format: int64
             * @description The event's revision.
             */
            revision: number;
        };
        /** @description Text for the client, and for no log. */
        Secret: string;
        /**
         * @description The status of an order. The last three are final: an order that has one keeps it.
         * @enum {string}
         */
        Status: "pending" | "processing" | "completed" | "failed" | "cancelled";
        /** @description How to read the status object: the same members in every answer that has an order. */
        StatusAccess: {
            status_access?: components["schemas"]["StatusCredentials"] | null;
            /**
             * Format: uri
             * @description A presigned GET URL of the status object in S3. Poll it with `If-None-Match`, and not the
             *     api. Absent where the service gives out credentials instead (`status_access`).
             */
            status_url: string;
            /**
             * Format: date-time
             * @description Until when `status_url` works; `links.self` gives a fresh one.
             */
            status_url_expires_at: string;
        };
        /** @description Temporary credentials that can read the one status object: for an SDK of S3. */
        StatusCredentials: {
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
            /** @description Its key: the credentials can read no other. */
            key: string;
            /** @description The bucket's region. */
            region: string;
            secret_access_key: components["schemas"]["Secret"];
            session_token: components["schemas"]["Secret"];
        };
        /**
         * @description The small JSON object in S3. Anyone with its URL can read it, so nothing of the order's payload
         *     is in it.
         */
        StatusObject: {
            /**
             * Format: int32
             * @description How often a worker has started the work, in this generation.
             */
            attempt: number;
            /** @description Of a group of orders alone: how they have ended. */
            counts?: components["schemas"]["GroupCounts"];
            /**
             * Format: date-time
             * @description When the order was accepted.
             */
            created_at: string;
            /** @description Whether `status` is final: the client can stop polling. */
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
             * @description 1; one more each time that an operator gave the order, which had failed, another chance.
             *     Within a generation a final status never changes.
             */
            generation?: number;
            /**
             * Format: uuid
             * @description The order.
             */
            id: string;
            /**
             * @description The order's labels. In events and in answers of the service only: the object in S3 can be
             *     read by anyone who has its URL, and has none.
             */
            labels?: {
                [key: string]: string;
            };
            /**
             * Format: int64
             * @description How long to wait from `updated_at` before the next poll, in milliseconds; `null` once done.
             */
            poll_after_ms?: number | null;
            progress?: components["schemas"]["ProgressReport"] | null;
            /** @description Where the service itself answers for this order, and renews URLs (with the order token). */
            renew: string;
            /** @description The result, if it is small: as the processor wrote it. */
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
            /** @description Its status. */
            status: components["schemas"]["Status"];
            /**
             * Format: date-time
             * @description When this revision was made.
             */
            updated_at: string;
        };
        /** @description The status object as it is in the order table, with fresh URLs. */
        StatusView: components["schemas"]["StatusObject"] & components["schemas"]["StatusAccess"] & {
            /** @description The latest deliveries to the order's webhook, the newest first; only where it has one. */
            deliveries?: components["schemas"]["DeliveryLog"][] | null;
            links: components["schemas"]["Links"];
            /**
             * @description A presigned GET URL of the log of the latest attempt that has ended and logged anything;
             *     only where the operator shares logs.
             */
            log_url?: string | null;
            /**
             * Format: date-time
             * @description Until when `log_url` works.
             */
            log_url_expires_at?: string | null;
            /** @description The order's token; only in the answer to the `POST` that submitted it. */
            order_token?: string | null;
            /** @description The token that can only read; only there too. */
            read_token?: string | null;
            /**
             * Format: date-time
             * @description Until when both work.
             */
            token_expires_at?: string | null;
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
export type operations = Record<string, never>;
