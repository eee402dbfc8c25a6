// Generated from openapi/openapi.json by `npm run types`. Do not edit.

export type paths = Record<string, never>;
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /**
         * @description Whose orders are counted as accepted.
         * @enum {string}
         */
        AcceptedOf: "this_server";
        /** @description A bulk action. */
        Action: {
            /** @description Who asked for it. */
            by: string;
            /** @description How many orders it had when it was made. */
            count: number;
            /**
             * Format: date-time
             * @description When.
             */
            created_at: string;
            /** @description Orders that were acted on. */
            done: number;
            /** @description Up to five of its orders. */
            examples: string[];
            /** @description Orders that could not be acted on. */
            failed: number;
            /** @description The last ones that failed. */
            failures: components["schemas"]["NotActedOn"][];
            /** @description Which orders, in the filter language. */
            filter: string;
            /**
             * Format: date-time
             * @description When it ended.
             */
            finished_at?: string | null;
            /**
             * Format: uuid
             * @description Its id, a UUID of version 7.
             */
            id: string;
            /**
             * Format: int32
             * @description Orders a second at most.
             */
            rate: number;
            /**
             * Format: int64
             * @description One more with every change.
             */
            revision: number;
            /** @description Orders that had changed meanwhile. */
            skipped: number;
            /** @description The last ones that were skipped. */
            skips: components["schemas"]["NotActedOn"][];
            /** @description How far it is. */
            state: components["schemas"]["ActionState"];
            /** @description Of this tenant alone; of all if it is null. */
            tenant?: string | null;
            /**
             * Format: date-time
             * @description When it last came further.
             */
            updated_at: string;
            /** @description What is done with each order. */
            verb: components["schemas"]["ActionVerb"];
        };
        /** @description Bulk actions, the newest first. */
        ActionList: {
            actions: components["schemas"]["Action"][];
        };
        /** @description What an action would do. */
        ActionPreview: {
            /** @description Whether all were searched. If not, those behind the searched ones are left alone. */
            complete: boolean;
            /** @description So many orders. */
            count: number;
            /** @description Five of the orders. */
            examples: components["schemas"]["ListedOrder"][];
            filter: string;
            /** @description Entries of the index that were searched. */
            searched: number;
            verb: components["schemas"]["ActionVerb"];
        };
        /** @description What is to be done with which orders. */
        ActionRequest: {
            /**
             * Format: int64
             * @description How many orders it is, as a dry run said: needed over 100.
             */
            count?: number | null;
            /** @description Only say what would be done. */
            dry_run?: boolean;
            /** @description Which orders, in the filter language, such as state:dead kind:report. */
            filter: string;
            /**
             * Format: int32
             * @description Orders a second at most; 20 if it is left out.
             */
            rate?: number | null;
            verb: components["schemas"]["ActionVerb"];
        };
        /**
         * @description The state of an action.
         * @enum {string}
         */
        ActionState: "running" | "aborting" | "aborted" | "done";
        /**
         * @description What is done with each order.
         * @enum {string}
         */
        ActionVerb: "redrive" | "purge" | "cancel";
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
        /** @description What an operator should see to. */
        Banner: {
            detail: string;
            kind: components["schemas"]["BannerKind"];
        };
        /**
         * @description The kinds of banners.
         * @enum {string}
         */
        BannerKind: "no_workers" | "dead_grew" | "oldest_over_deadline" | "store_failing" | "credentials_end";
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
        /** @description How good the estimates were. */
        BeforeP90: {
            /**
             * Format: double
             * @description Of so many orders.
             */
            orders: number;
            /**
             * Format: double
             * @description 0 to 1.
             */
            share: number;
        };
        /**
         * @description Whether an endpoint is called.
         * @enum {string}
         */
        BreakerState: "closed" | "open" | "half_open";
        /** @description So many. */
        CountOf: {
            count: number;
            /** @description Whether there are more than these. */
            more: boolean;
        };
        /** @description The figures of the overview. */
        Counts: {
            /** @description Whose orders `accepted` has. */
            accepted_of: components["schemas"]["AcceptedOf"];
            /**
             * Format: date-time
             * @description When the index was read.
             */
            as_of: string;
            /** @description What an operator should see to. */
            banners: components["schemas"]["Banner"][];
            before_p90?: components["schemas"]["BeforeP90"] | null;
            /** @description Dead letters among the failed orders. */
            dead: components["schemas"]["CountOf"];
            /** @description Who counts the ends. */
            ended_of: components["schemas"]["EndedOf"];
            /** @description Failed orders that nobody has purged. */
            failed: components["schemas"]["CountOf"];
            /** @description The last sixty minutes. */
            minutes: components["schemas"]["MinuteSeries"];
            oldest_waiting?: components["schemas"]["OldestWaiting"] | null;
            /** @description Orders whose end is not published. */
            open: components["schemas"]["CountOf"];
            /** @description Orders whose worker has not reported for a minute. */
            orders_without_worker: number;
            polls: components["schemas"]["Polls"];
            /**
             * Format: int64
             * @description Orders that a worker has.
             */
            running: number;
            /** @description Whether the order table could be read just now. */
            stores: components["schemas"]["StoresState"];
            /**
             * Format: int64
             * @description Orders that wait for a worker.
             */
            waiting: number;
            workers: components["schemas"]["WorkersCount"];
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
        /** @description What is wrong with the service as it runs. */
        Diagnosis: {
            /**
             * Format: date-time
             * @description When it was judged.
             */
            as_of: string;
            /** @description What is wrong, the worst first. */
            findings: components["schemas"]["Finding"][];
            /** @description Checks that could not be made. */
            not_checked: components["schemas"]["SkippedCheck"][];
            /** @description Checks that found nothing. */
            passed: components["schemas"]["PassedCheck"][];
        };
        /**
         * @description Who counts the ends.
         * @enum {string}
         */
        EndedOf: "workers";
        /** @description An endpoint of webhooks. */
        EndpointView: {
            breaker: components["schemas"]["BreakerState"];
            /**
             * Format: double
             * @description Events that it took in the last hour.
             */
            delivered: number;
            /** @description Scheme, host and port. */
            endpoint: string;
            /**
             * Format: double
             * @description Attempts that failed.
             */
            failed: number;
            /**
             * Format: double
             * @description Events that are not tried again.
             */
            given_up: number;
            /** Format: date-time */
            last_at: string;
            last_error?: string | null;
            /**
             * Format: int32
             * @description How long half of its last answers took at most, in milliseconds.
             */
            p50_ms?: number | null;
            /**
             * Format: int32
             * @description How long 99 of 100 took at most.
             */
            p99_ms?: number | null;
            /**
             * Format: date-time
             * @description When it is tried next, where the circuit is open.
             */
            retry_at?: string | null;
        };
        /** @description How webhooks fared, by endpoint. */
        Endpoints: {
            /** Format: date-time */
            as_of: string;
            /** @description Those that were called last first. */
            endpoints: components["schemas"]["EndpointView"][];
            /** @description Whether there may be more: each worker reports the twenty that it called last. */
            more: boolean;
        };
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
        /** @description Something that is wrong. */
        Finding: {
            /** @description The page of the documentation, by its path in the repository. */
            docs: string;
            /** @description What to do. */
            fix: string;
            /** @description Which check found it. Ids never change. */
            id: string;
            severity: components["schemas"]["Severity"];
            /** @description In a few words. */
            title: string;
            /** @description With figures. */
            what: string;
            /** @description What comes of it. */
            why: string;
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
        /** @description Where an order is in a group. */
        GroupPlaceView: {
            /** Format: uuid */
            id: string;
            /** Format: int32 */
            place: number;
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
        /** @description Who works on an order. */
        LeaseView: {
            /**
             * Format: date-time
             * @description Until when nobody else takes the order.
             */
            until: string;
            worker: string;
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
            /** @description Whether its worker was asked to cancel it. */
            cancel_requested: boolean;
            /**
             * Format: date-time
             * @description When it was accepted.
             */
            created_at: string;
            /**
             * Format: date-time
             * @description When it must have ended.
             */
            deadline_at: string;
            error?: components["schemas"]["Problem"] | null;
            eta?: components["schemas"]["EtaWindow"] | null;
            /**
             * Format: date-time
             * @description When it ended.
             */
            finished_at?: string | null;
            /** Format: int32 */
            generation: number;
            /** Format: uuid */
            id: string;
            /** @description The member `kind` of its payload; empty without one. */
            kind: string;
            labels: {
                [key: string]: string;
            };
            /** @description How urgent it is. */
            priority: string;
            progress?: components["schemas"]["ProgressReport"] | null;
            /** Format: int64 */
            revision: number;
            /**
             * Format: date-time
             * @description When a worker first started the work.
             */
            started_at?: string | null;
            status: components["schemas"]["Status"];
            /** @description Whose it is. */
            tenant: string;
            /**
             * Format: date-time
             * @description When its status was reached.
             */
            updated_at: string;
            /** @description The worker that has it. */
            worker?: string | null;
        };
        /**
         * @description Sixty numbers each, the oldest first; the last is of the minute that runs. Null where nobody
         *     asked.
         */
        MinuteSeries: {
            accepted: number[];
            cancelled: number[];
            completed: number[];
            dead: (number | null)[];
            failed: number[];
            running: (number | null)[];
            /**
             * Format: date-time
             * @description The minute that runs.
             */
            to: string;
            waiting: (number | null)[];
        };
        /** @description An order that was not acted on, and why. */
        NotActedOn: {
            /**
             * Format: uuid
             * @description The order.
             */
            id: string;
            /** @description Why. */
            why: string;
        };
        /** @description The order that has waited longest. */
        OldestWaiting: {
            /** Format: date-time */
            created_at: string;
            /** Format: uuid */
            id: string;
        };
        OrderBatch: components["schemas"]["OrderRequest"][];
        /** @description The deliveries of an order's events. */
        OrderDeliveries: {
            /** @description Those of the last events, the newest first. */
            deliveries: components["schemas"]["DeliveryLog"][];
            /** Format: uuid */
            order: string;
        };
        /** @description Everything of one order. */
        OrderDetails: components["schemas"]["ListedOrder"] & components["schemas"]["StatusAccess"] & {
            /** @description What became of its last events at its webhook, the newest first. */
            deliveries: components["schemas"]["DeliveryLog"][];
            group?: components["schemas"]["GroupPlaceView"] | null;
            /** @description Whether a task of Step Functions waits for it. */
            has_task_token: boolean;
            lease?: components["schemas"]["LeaseView"] | null;
            links: components["schemas"]["Links"];
            /**
             * Format: date-time
             * @description Not to be started before.
             */
            not_before?: string | null;
            /** @description Whether the order brought its deadline with it. */
            own_deadline: boolean;
            /** @description The text that was sent, unless it was not asked for. */
            payload?: unknown;
            /** @description Whether its result is an object of its own. */
            result_key: boolean;
            /** @description The status object as the order table has it. The object in S3 is no newer. */
            status_object: components["schemas"]["StatusObject"];
            /** @description What is known to have happened, the oldest first. */
            timeline: components["schemas"]["TimelineEntry"][];
            /** @description The W3C trace id of the request that submitted it. */
            trace_id?: string | null;
            /** @description Where its webhook goes: the host alone, as the rest may have a secret in it. */
            webhook_host?: string | null;
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
        /** @description A check that found nothing. */
        PassedCheck: {
            id: string;
            /** @description What holds. */
            what: string;
        };
        /** @description What the service had to serve, and what it would have had to. */
        Polls: {
            /** @description Reads of single orders by `GET /order/{id}` at the server that answers, minute by minute. */
            api_reads: number[];
            /** @description What clients that poll every five seconds would have sent for the orders that ended. */
            fixed_client: number[];
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
        /** @description Who the caller is to the console, and what the console talks to. */
        Session: {
            by: components["schemas"]["SessionBy"];
            /**
             * Format: date-time
             * @description When the session ends; null without one.
             */
            expires_at?: string | null;
            name: string;
            roles: string[];
            service: components["schemas"]["SessionService"];
            /** @description Whose orders it may see; null for all. */
            tenant?: string | null;
        };
        /**
         * @description By what the caller is known.
         * @enum {string}
         */
        SessionBy: "open" | "cookie" | "bearer";
        /** @description The key of the console. */
        SessionRequest: {
            /** Format: password */
            key: string;
        };
        /** @description What the console talks to. */
        SessionService: {
            /** @description The URL of the api as clients reach it. */
            api: string;
            /** @description What operators call this deployment. */
            environment?: string | null;
            /** @description Whether orders can be subscribed to at the address of this answer. */
            has_push: boolean;
            /** @description Whether orders may name webhooks. */
            has_webhooks: boolean;
            /** @description Whether submitting an order needs other credentials than the caller's. */
            orders_need_credentials: boolean;
            /** @description The origin of status URLs. */
            statuses?: string | null;
            version: string;
        };
        /**
         * @description How bad a finding is.
         * @enum {string}
         */
        Severity: "note" | "warning" | "error";
        /** @description A check that could not be made. */
        SkippedCheck: {
            id: string;
            /** @description What it would have found. */
            what: string;
            /** @description Why it could not be made. */
            why: string;
        };
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
        /**
         * @description Whether the order table could be read.
         * @enum {string}
         */
        StoresState: "ok" | "failing";
        /** @description A test event. */
        TestEvent: {
            delivery?: components["schemas"]["DeliveryLog"] | null;
            /**
             * Format: uuid
             * @description Its id, under which what came of it can be read.
             */
            id: string;
        };
        /** @description Something that happened to an order. */
        TimelineEntry: {
            /** Format: date-time */
            at: string;
            /** Format: int32 */
            attempt?: number | null;
            detail?: string | null;
            event: components["schemas"]["TimelineEvent"];
            /** Format: int64 */
            revision?: number | null;
        };
        /**
         * @description What can happen to an order.
         * @enum {string}
         */
        TimelineEvent: "accepted" | "not_before" | "redriven" | "started" | "attempt_failed" | "progress" | "cancel_requested" | "completed" | "failed" | "cancelled" | "delivery";
        /** @description One thing in a document that its schema does not allow. */
        Violation: {
            /** @description What is wrong there. */
            detail: string;
            /** @description Where: a JSON pointer (RFC 6901) into the request body; empty for the whole document. */
            pointer: string;
        };
        /** @description A worker. */
        WorkerView: {
            /** @description Whether it reported within the last twelve seconds. */
            alive: boolean;
            /**
             * Format: int32
             * @description Orders that it can work on at once.
             */
            concurrency: number;
            /**
             * Format: int32
             * @description Orders that it finished, as of the last three seconds.
             */
            finished_a_minute: number;
            /** @description Open orders that it has, among those that were searched. */
            leases: number;
            /**
             * Format: double
             * @description How long an order takes it; null before the first one.
             */
            mean_seconds?: number | null;
            name: string;
            /** Format: date-time */
            reported_at: string;
            /**
             * Format: int32
             * @description Orders that it works on.
             */
            running?: number | null;
            /**
             * Format: date-time
             * @description Null of a version that does not report it, as the members below.
             */
            started_at?: string | null;
            version?: string | null;
        };
        /** @description The workers. */
        Workers: {
            /** Format: date-time */
            as_of: string;
            /** @description Whether there are open orders that were not. */
            more: boolean;
            /** @description Orders that a worker has which has not reported for a minute, twenty at most. */
            orders_without_worker: components["schemas"]["ListedOrder"][];
            /** @description Open orders that were searched for them. */
            searched: number;
            /** @description Those that reported within the last minute. */
            workers: components["schemas"]["WorkerView"][];
        };
        /** @description The workers that are alive. */
        WorkersCount: {
            alive: number;
            /**
             * Format: int32
             * @description Orders that they work on at once.
             */
            concurrency: number;
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
