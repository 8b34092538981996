using Relay.Protocol;
using Relay.Server.Audit;
using Relay.Server.Delivery;
using Relay.Server.Http;
using Relay.Server.HttpFallback;
using Relay.Server.Ingest.Sources;

namespace Relay.Server.Agents;

/// <summary><c>POST /api/v1/register</c>, and what <see cref="AgentAdministration"/> and <see cref="RotationEndpoint"/> have.</summary>
internal static class AgentEndpoints
{
    private const int MaxRequestBytes = 64 << 10;

    public static void MapAgents(this IEndpointRouteBuilder routes)
    {
        routes.MapAgentAdministration();
        routes.MapRotation();

        var group = routes.MapGroup("/api/v1").WithTags("Agents").AddEndpointFilter<AdminFilter>();
        group.MapPost("/register", RegisterAsync)
            .Audited(AuditActs.Register)
            .WithSummary("Registers an agent; its secrets are shown this once.")
            .Accepts<RegisterRequest>(isOptional: true, "application/json")
            .Produces<RegisterResponse>(StatusCodes.Status201Created)
            .Produces<ErrorResponse>(StatusCodes.Status400BadRequest)
            .Produces<ErrorResponse>(StatusCodes.Status401Unauthorized)
            .Produces<ErrorResponse>(StatusCodes.Status503ServiceUnavailable);
    }

    private static async Task<IResult> RegisterAsync(
        HttpContext context, AgentRegistrar registrar, EndpointUrl endpoints, SourceCatalog sources, WebhookUrls urls, CancellationToken cancellationToken)
    {
        var (request, fault) = await JsonBody.ReadAsync(context.Request, ApiJson.Default.RegisterRequest, MaxRequestBytes, cancellationToken);
        fault ??= Validate(request ??= new RegisterRequest(), endpoints, sources);
        if (fault is not null)
        {
            return fault;
        }

        var delivery = DeliveryChange.Merge(DeliverySettings.None, request!.Delivery ?? default, out var deliveryFault);
        if (deliveryFault is not null)
        {
            return Failures.Invalid(deliveryFault);
        }

        var (agent, made) = await registrar.RegisterAsync(request, delivery, cancellationToken);
        AuditNote.Of(context).Target = agent.Id.Value;
        var response = new RegisterResponse
        {
            RelayId = agent.Id.Value,
            ApiKey = made.ApiKey.Reveal(),
            SigningSecret = made.SigningSecret.Reveal(),
            WebhookUrl = urls.For(agent.Id, context.Request),
            CreatedAt = agent.CreatedAt,
        };
        context.Response.Headers.CacheControl = "no-store";
        return TypedResults.Json(response, ApiJson.Default.RegisterResponse, statusCode: StatusCodes.Status201Created);
    }

    private static ErrorResult? Validate(RegisterRequest request, EndpointUrl endpoints, SourceCatalog sources)
    {
        if (!AgentLabels.IsLabel(request.WorkspaceId) || !AgentLabels.IsLabel(request.Name))
        {
            return Failures.Invalid(AgentLabels.LabelRule);
        }

        if (!AgentLabels.IsMetadata(request.Metadata ?? default))
        {
            return Failures.Invalid(AgentLabels.MetadataRule);
        }

        if (request.HttpEndpoint is { } endpoint && endpoints.FindFault(endpoint) is { } endpointFault)
        {
            return Failures.Invalid(endpointFault);
        }

        return request.Source is { } source && sources.Create(source).Fault is { } fault ? Failures.Invalid(fault) : null;
    }
}
