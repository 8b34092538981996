// Prints every webhook that the relay delivers. RELAY_URL and RELAY_API_KEY come from the environment, or as arguments in this order.
using System.Security.Cryptography;
using Relay.Client;

using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, key) => { key.Cancel = true; stop.Cancel(); };
var saveDirectory = Environment.GetEnvironmentVariable("RELAY_SAVE_DIR");

try
{
    await using var relay = new RelayClient(new RelayClientOptions
    {
        Url = args.ElementAtOrDefault(0) ?? Environment.GetEnvironmentVariable("RELAY_URL") ?? "http://localhost:8080",
        ApiKey = args.ElementAtOrDefault(1) ?? Environment.GetEnvironmentVariable("RELAY_API_KEY"),
    });
    relay.Connected += connected => Console.WriteLine($"Connected. Post to {connected.WebhookUrl}");
    relay.Disconnected += disconnected => Console.WriteLine($"Disconnected: {disconnected.Reason}");
    relay.Reconnecting += reconnecting => Console.WriteLine($"Attempt {reconnecting.Attempt} to reconnect in {reconnecting.Delay.TotalSeconds:0.0} s");
    relay.Error += error => Console.Error.WriteLine($"{error.Kind}: {error.Message}");

    await relay.RunAsync(PrintAsync, stop.Token);
    return 0;
}
catch (Exception exception) when (exception is RelayException or ArgumentException)
{
    Console.Error.WriteLine(exception.Message);
    return 1;
}

async Task PrintAsync(RelayDelivery delivery, CancellationToken cancellationToken)
{
    var text = delivery.Text;
    Console.WriteLine($"{delivery.Method} {delivery.Path} {delivery.Id} attempt {delivery.Attempt}, {delivery.Body.Length} bytes of {delivery.ContentType ?? "unknown type"}");
    Console.WriteLine($"  sha256 {Convert.ToHexStringLower(SHA256.HashData(delivery.Body.Span))}");
    Console.WriteLine($"  {(text.Length > 200 ? text[..200] + "…" : text)}");
    if (saveDirectory is not null)
    {
        await File.WriteAllBytesAsync(Path.Combine(saveDirectory, Path.GetFileName(delivery.Id)), delivery.Body.ToArray(), cancellationToken);
    }
}
