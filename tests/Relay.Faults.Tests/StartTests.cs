using System.Diagnostics;

namespace Relay.Faults.Tests;

/// <summary>What whoever starts the server sees.</summary>
public sealed class StartTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly string _folder = Directory.CreateTempSubdirectory("relay-start-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task The_first_run_in_development_shows_the_admin_key_and_the_next_step_and_the_second_only_where_it_is()
    {
        var first = await RunUntilAsync("connect with", "Development");
        var key = (await File.ReadAllTextAsync(Path.Combine(_folder, "relay-data", "admin-key"))).Trim();
        var second = await RunUntilAsync("connect with", "Development");

        Assert.Contains(key, first, StringComparison.Ordinal);
        Assert.Matches($"curl -X POST http://127.0.0.1:[0-9]+/api/v1/register -H \"X-Admin-Key: {key}\"", first);
        Assert.DoesNotContain(key, second, StringComparison.Ordinal);
        Assert.Contains(Path.Combine(_folder, "relay-data", "admin-key"), second, StringComparison.Ordinal);
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(_folder, "relay-data", "admin-key")));
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Path.Combine(_folder, "relay-data")));
        }
    }

    [Fact]
    public async Task Who_starts_a_node_on_redis_with_keys_of_its_own_is_told_that_others_need_them_too()
    {
        string[] onRedis = ["Relay__Storage__Kind=redis", "Relay__Storage__Redis=127.0.0.1:1"];
        const string Hint = "give all of them Relay:AdminKey and Relay:Encryption:Keys:0";

        var told = await RunUntilAsync(Hint, "Development", onRedis);

        Assert.Contains(Hint, told, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Relay:AdminKey is not set")]
    [InlineData("Relay:AdminKey", "Relay__AdminKey=short", "Relay__Encryption__Keys__0=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")]
    [InlineData("Relay:Encryption:Keys:0 is not set", "Relay__AdminKey=0123456789abcdef")]
    [InlineData("Relay:Encryption:Keys:0 is not base64", "Relay__AdminKey=0123456789abcdef", "Relay__Encryption__Keys__0=AAAA")]
    [InlineData("Relay:Delivery:AckTimeout", "Relay__Delivery__AckTimeout=0")]
    [InlineData("Relay:Delivery:AckTimeout", "Relay__Delivery__AckTimeout=soon")]
    [InlineData("Relay:Storage:Kind", "Relay__Storage__Kind=postgres")]
    [InlineData("Relay:Storage:Redis", "Relay__Storage__Kind=redis")]
    [InlineData("Relay:PublicUrl", "Relay__PublicUrl=relay.example.com")]
    public async Task A_wrong_setting_stops_the_server_with_one_sentence_that_names_it(string named, params string[] settings)
    {
        var (exitCode, output, errors) = await RunAsync("Production", settings);

        Assert.Equal(1, exitCode);
        Assert.Contains(named, errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", output + errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_second_server_on_the_same_data_is_refused_with_one_sentence()
    {
        using var held = new FileStream(Path.Combine(Directory.CreateDirectory(Path.Combine(_folder, "relay-data")).FullName, "relay.lock"), FileMode.Create, FileAccess.ReadWrite, FileShare.None);

        var (exitCode, output, errors) = await RunAsync("Development");

        Assert.Equal(1, exitCode);
        Assert.Contains("in use by another process", errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", output + errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_port_that_is_taken_stops_the_server_with_one_sentence_that_says_what_to_do()
    {
        using var taken = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        taken.Start();

        var (exitCode, output, errors) = await RunAsync("Development", $"ASPNETCORE_URLS=http://{taken.LocalEndpoint}");

        Assert.Equal(1, exitCode);
        Assert.Contains("Choose another address", errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", output + errors, StringComparison.Ordinal);
        Assert.DoesNotContain("fail:", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_senders_put_into_an_address_is_not_logged_wherever_the_server_is_started()
    {
        using var process = Start("Development", []);
        using var patience = new CancellationTokenSource(Patience);
        var (output, url) = ("", default(Uri));
        while (url is null && await process.StandardOutput.ReadLineAsync(patience.Token) is { } line)
        {
            output += line + "\n";
            url = line.StartsWith("Relay is ready at ", StringComparison.Ordinal) ? new Uri(line["Relay is ready at ".Length..]) : null;
        }

        using var http = new HttpClient { BaseAddress = url };
        using var answer = await http.PostAsync(new Uri("/api/v1/webhook/agt_0123456789abcdef?token=of-the-sender", UriKind.Relative), content: null, patience.Token);
        process.Kill();
        output += await process.StandardOutput.ReadToEndAsync(patience.Token);

        Assert.Equal(System.Net.HttpStatusCode.NotFound, answer.StatusCode);
        Assert.DoesNotContain("of-the-sender", output, StringComparison.Ordinal);
        Assert.DoesNotContain("dbug:", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_health_probe_tells_a_server_that_does_not_answer()
    {
        using var process = Start("Production", ["ASPNETCORE_HTTP_PORTS=1"], "healthcheck");

        var errors = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();

        Assert.Equal(1, process.ExitCode);
        Assert.Contains("http://localhost:1/healthz does not answer", errors, StringComparison.Ordinal);
    }

    private async Task<string> RunUntilAsync(string last, string environment, params string[] settings)
    {
        using var process = Start(environment, settings);
        using var patience = new CancellationTokenSource(Patience);
        var output = "";
        while (!output.Contains(last, StringComparison.Ordinal) && await process.StandardOutput.ReadLineAsync(patience.Token) is { } line)
        {
            output += line + "\n";
        }

        process.Kill();
        await process.WaitForExitAsync(patience.Token);
        return output;
    }

    private async Task<(int ExitCode, string Output, string Errors)> RunAsync(string environment, params string[] settings)
    {
        using var process = Start(environment, settings);
        using var patience = new CancellationTokenSource(Patience);
        var output = process.StandardOutput.ReadToEndAsync(patience.Token);
        var errors = process.StandardError.ReadToEndAsync(patience.Token);
        await process.WaitForExitAsync(patience.Token);
        return (process.ExitCode, await output, await errors);
    }

    private Process Start(string environment, string[] settings, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = _folder };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "Relay.Server.dll"));
        Array.ForEach(arguments, start.ArgumentList.Add);
        start.Environment["ASPNETCORE_ENVIRONMENT"] = environment;
        start.Environment["ASPNETCORE_URLS"] = "http://127.0.0.1:0";
        foreach (var setting in settings)
        {
            var (key, value) = (setting[..setting.IndexOf('=', StringComparison.Ordinal)], setting[(setting.IndexOf('=', StringComparison.Ordinal) + 1)..]);
            start.Environment[key] = value;
        }

        return Process.Start(start)!;
    }
}
