using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Options;
using Relay.Server.Agents;
using Relay.Server.Storage;

namespace Relay.Server.Operations;

/// <summary>
/// In Development, tells whoever started the server what to do next. Goes to the console and not to the log: it shows the admin key,
/// on the run that made it.
/// </summary>
internal sealed class WelcomeMessage(
    IHostEnvironment environment, IHostApplicationLifetime lifetime, IServer server, IOptions<RelayOptions> options, IOptions<StorageOptions> storage,
    DevelopmentKeys keys) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (environment.IsDevelopment())
        {
            lifetime.ApplicationStarted.Register(() => Console.WriteLine(Text()));
        }

        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private string Text()
    {
        var url = options.Value.PublicUrl?.TrimEnd('/') ?? server.Features.Get<IServerAddressesFeature>()?.Addresses.FirstOrDefault() ?? "http://localhost:8080";
        var adminKey = options.Value.AdminKey;
        var (shown, used) = (keys.AdminKeyIsGenerated, keys.AdminKeyIsNew) switch
        {
            (true, true) => ($"Admin key (shown this once, kept in {keys.AdminKeyPath}):\n\n    {adminKey}", adminKey),
            (true, false) => ($"Admin key: in {keys.AdminKeyPath}", $"$(cat {keys.AdminKeyPath})"),
            _ => ("Admin key: as configured in Relay:AdminKey", "$RELAY_ADMIN_KEY"),
        };
        var others = storage.Value.Kind == StorageOptions.RedisKind && (keys.AdminKeyIsGenerated || keys.EncryptionKeyIsGenerated)
            ? "\nAnother relay on this Redis must have the same keys: give all of them Relay:AdminKey and Relay:Encryption:Keys:0.\n"
            : "";
        return $"""

            Relay is ready at {url}

            {shown}

            Register an agent:

                curl -X POST {url}/api/v1/register -H "X-Admin-Key: {used}"

            The answer has its webhook_url, to post to, and its api_key, to connect with.
            {others}
            """;
    }
}
