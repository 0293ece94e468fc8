import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Sends requests with Java's HttpClient and its default options; README.md describes the input and the output.
 *
 * <p>Usage: java Statuses.java string|stream < requests
 */
public class Statuses {
    public static void main(String[] arguments) throws IOException, InterruptedException {
        boolean isStream = arguments[0].equals("stream");
        HttpClient client = HttpClient.newHttpClient();
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] fields = line.split("\t");
            Path file = Path.of(fields[3]);
            HttpRequest request = HttpRequest.newBuilder(URI.create(fields[0]))
                    .header("Content-Type", fields[1])
                    .header("X-Filler", "x".repeat(Integer.parseInt(fields[2])))
                    .POST(isStream ? stream(file) : BodyPublishers.ofString(Files.readString(file)))
                    .build();
            System.out.println(send(client, request).replaceAll("\\s+", " "));
        }
    }

    /** Creates a body of unknown length, which the client sends in chunks. */
    private static BodyPublisher stream(Path file) {
        return BodyPublishers.ofInputStream(() -> {
            try {
                return Files.newInputStream(file);
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
        });
    }

    private static String send(HttpClient client, HttpRequest request) throws InterruptedException {
        try {
            var reply = client.send(request, BodyHandlers.ofString());
            return reply.statusCode() + " " + reply.body();
        } catch (IOException error) {
            return error.toString();
        }
    }
}
