namespace Relay.Server.Operations.Health;

/// <summary><c>Relay.Server healthcheck [URL]</c>: asks a running server whether it is alive, for containers that have no curl.</summary>
internal static class HealthProbe
{
    public const string Command = "healthcheck";

    /// <returns>0 when it is, 1 when not: the process's exit code.</returns>
    public static async Task<int> RunAsync(string[] args)
    {
        var ports = Environment.GetEnvironmentVariable("ASPNETCORE_HTTP_PORTS") ?? "8080";
        var url = args.Length > 1 ? args[1] : $"http://localhost:{ports.Split(';', ',')[0]}/healthz";
        try
        {
            using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(5) };
            using var response = await http.GetAsync(new Uri(url));
            await Console.Out.WriteLineAsync(await response.Content.ReadAsStringAsync());
            return response.IsSuccessStatusCode ? 0 : 1;
        }
        catch (Exception exception) when (exception is HttpRequestException or TaskCanceledException or UriFormatException)
        {
            await Console.Error.WriteLineAsync($"{url} does not answer: {exception.Message}");
            return 1;
        }
    }
}
