using Microsoft.Extensions.Options;
using Relay.Protocol;
using Relay.Server.Ingest.Sources;

namespace Relay.Server.Ingest;

/// <summary><c>/api/v1/webhook/{relay_id}/{**path}</c>: the addresses at which events enter.</summary>
internal static class IngestEndpoints
{
    private static readonly string[] Methods = [HttpMethods.Post, HttpMethods.Put, HttpMethods.Patch];

    public static IServiceCollection AddIngest(this IServiceCollection services)
    {
        services.AddOptions<IngestOptions>().BindConfiguration(IngestOptions.Section).ValidateOnStart();
        services.AddSingleton<IValidateOptions<IngestOptions>, IngestOptionsValidator>();
        services.AddSources();
        services.AddSingleton<SourceGate>();
        services.AddSingleton<WebhookIntake>();
        services.AddSingleton<WebhookEndpoint>();
        return services;
    }

    public static void MapIngest(this IEndpointRouteBuilder routes)
    {
        var webhooks = routes.ServiceProvider.GetRequiredService<WebhookEndpoint>();
        var group = routes.MapGroup("/api/v1/webhook/{relayId}").WithTags("Webhooks");
        foreach (var pattern in (string[])["", "/{**path}"])
        {
            group.MapChallenges(pattern);
            group.MapMethods(pattern, Methods, webhooks.AcceptAsync)
                .WithSummary("Accepts any content for an agent; answers when it is stored or, with Prefer: wait=N, when the agent has acknowledged it or replied.")
                .Produces<WebhookResponse>(StatusCodes.Status202Accepted)
                .Produces<WebhookResponse>()
                .Produces<ErrorResponse>(StatusCodes.Status401Unauthorized)
                .Produces<ErrorResponse>(StatusCodes.Status404NotFound)
                .Produces<ErrorResponse>(StatusCodes.Status413PayloadTooLarge)
                .Produces<ErrorResponse>(StatusCodes.Status429TooManyRequests)
                .Produces<ErrorResponse>(StatusCodes.Status503ServiceUnavailable);
        }
    }
}
