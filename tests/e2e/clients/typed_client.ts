// A program whose types are those of the OpenAPI document: openapi-typescript writes `api.ts` from it.
// The comments with `@ts-expect-error` are errors unless the compiler rejects the next line.
// Usage: node typed_client.js URL < image.json > replies.json
import createClient from "openapi-fetch";
import type { components, paths } from "./api";

type Problem = components["schemas"]["ProblemReply"];

const client = createClient<paths, "application/json" | "application/problem+json">({ baseUrl: process.argv[2] });

let text = "";
for await (const piece of process.stdin) text += String(piece);
const image: number[] = JSON.parse(text);

const prediction = await client.POST("/predict", { body: { pixels: image } });
const digit: number | undefined = prediction.data?.digit;

const rejected = await client.POST("/predict", { body: { pixels: image.slice(1) } });
const problem: Problem | undefined = rejected.error;
const places: unknown[][] | undefined = problem?.errors?.map((error) => error.loc);

const metrics = await client.GET("/metrics", { params: { query: { format: "json" } } });
const accuracy: number | undefined = metrics.data?.accuracy;

const tensor: components["schemas"]["InputTensor"] = { name: "pixels", shape: [1, 64], datatype: "FP32", data: image };
const inference = await client.POST("/v2/models/{name}/infer", {
    params: { path: { name: "digits" } },
    body: { inputs: [tensor] },
});
const outputs: string[] | undefined = inference.data?.outputs.map((output) => output.name);

const unknown = await client.GET("/v2/models/{name}", { params: { path: { name: "other" } } });
const message: string | undefined = unknown.error?.error;

// @ts-expect-error: this field has another name
void ((): Promise<unknown> => client.POST("/predict", { body: { pixel: image } }));
// @ts-expect-error: there is no such format
void ((): Promise<unknown> => client.GET("/metrics", { params: { query: { format: "xml" } } }));
// @ts-expect-error: a prediction has no such field
void ((): unknown => prediction.data?.label);

process.stdout.write(JSON.stringify({ digit, places, accuracy, outputs, message }));
