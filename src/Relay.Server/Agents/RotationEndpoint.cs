using Relay.Protocol;
using Relay.Server.Admin;
using Relay.Server.Audit;
using Relay.Server.Http;

namespace Relay.Server.Agents;

/// <summary><c>POST /api/v1/rotate</c>: new keys for an agent, or a new agent in the place of an old one.</summary>
internal static class RotationEndpoint
{
    private const int MaxRequestBytes = 64 << 10;
    private static readonly TimeSpan UsualGrace = TimeSpan.FromDays(1);
    private static readonly TimeSpan LongestGrace = TimeSpan.FromDays(7);

    public static void MapRotation(this IEndpointRouteBuilder routes) =>
        routes.MapPost("/api/v1/rotate", RotateAsync)
            .WithTags("Agents")
            .Audited(AuditActs.Rotate)
            .WithSummary("Gives an agent a new key and signing secret, shown this once; the old ones hold on for grace_seconds.")
            .Accepts<RotateRequest>(isOptional: true, "application/json")
            .Produces<RotateResponse>()
            .Produces<RotateResponse>(StatusCodes.Status201Created)
            .Produces<ErrorResponse>(StatusCodes.Status400BadRequest)
            .Produces<ErrorResponse>(StatusCodes.Status401Unauthorized)
            .Produces<ErrorResponse>(StatusCodes.Status403Forbidden)
            .Produces<ErrorResponse>(StatusCodes.Status404NotFound)
            .Produces<ErrorResponse>(StatusCodes.Status503ServiceUnavailable);

    private static async Task<IResult> RotateAsync(
        HttpContext context, Access access, KeyRotation rotation, WebhookUrls urls, TimeProvider time, CancellationToken cancellationToken)
    {
        var (admin, agent, refusal) = await access.AdmitAsync(context);
        if (refusal is not null)
        {
            return refusal;
        }

        var note = AuditNote.Of(context);
        note.Agent = agent?.Id;
        var (body, fault) = await JsonBody.ReadAsync(context.Request, ApiJson.Default.RotateRequest, MaxRequestBytes, cancellationToken);
        var request = body ?? new RotateRequest();
        fault ??= Validate(request, agent);

        // What ends for good is not for every role.
        fault ??= request.OldRelayId is not null ? await access.RefuseAsync(context, admin!, AdminRole.Admin) : null;
        if (fault is not null)
        {
            return fault;
        }

        context.Response.Headers.CacheControl = "no-store";
        note.Target = RelayId.TryParse(agent?.Id.Value ?? request.RelayId ?? request.OldRelayId, out var meant) ? meant.Value : null;
        if (request.OldRelayId is not null)
        {
            if (!RelayId.TryParse(request.OldRelayId, out var old) || await rotation.ReplaceAsync(old, Adapt) is not { } replaced)
            {
                return Failures.UnknownRelayId();
            }

            note.Detail = $"{replaced.Agent.Id} takes its place";
            return Show(replaced.Agent.Id, replaced.Secrets, time.GetUtcNow(), StatusCodes.Status201Created);
        }

        var grace = request.GraceSeconds is { } seconds ? TimeSpan.FromSeconds(seconds) : UsualGrace;
        note.Detail = $"grace_seconds {grace.TotalSeconds}";
        return RelayId.TryParse(agent?.Id.Value ?? request.RelayId, out var id) && await rotation.RotateAsync(id, agent?.KeyHash, grace) is { } rotated
            ? Show(id, rotated.Secrets, rotated.OldUntil, StatusCodes.Status200OK)
            : Failures.UnknownRelayId();

        AgentRecord Adapt(AgentRecord replaced) => replaced with
        {
            WorkspaceId = request.WorkspaceId ?? replaced.WorkspaceId,
            Metadata = request.Metadata ?? replaced.Metadata,
        };

        IResult Show(RelayId whose, NewSecrets made, DateTimeOffset oldUntil, int status) => TypedResults.Json(
            new RotateResponse
            {
                RelayId = whose.Value,
                ApiKey = made.ApiKey.Reveal(),
                SigningSecret = made.SigningSecret.Reveal(),
                WebhookUrl = urls.For(whose, context.Request),
                OldKeyExpiresAt = oldUntil.ToUnixTimeMilliseconds(),
                OldRelayId = request.OldRelayId,
            },
            ApiJson.Default.RotateResponse,
            statusCode: status);
    }

    private static ErrorResult? Validate(RotateRequest request, Agent? agent)
    {
        if (request.GraceSeconds is { } grace && (grace < 0 || grace > (long)LongestGrace.TotalSeconds))
        {
            return Failures.Invalid($"grace_seconds is a whole number from 0 to {LongestGrace.TotalSeconds}.");
        }

        if (!AgentLabels.IsLabel(request.WorkspaceId))
        {
            return Failures.Invalid(AgentLabels.LabelRule);
        }

        if (!AgentLabels.IsMetadata(request.Metadata ?? default))
        {
            return Failures.Invalid(AgentLabels.MetadataRule);
        }

        if (agent is not null)
        {
            return request.OldRelayId is null && (request.RelayId is null || request.RelayId == agent.Id.Value)
                ? null
                : Failures.Invalid("An agent rotates its own key: leave out relay_id and old_relay_id.");
        }

        if ((request.RelayId is null) == (request.OldRelayId is null))
        {
            return Failures.Invalid("Say relay_id, to give that agent a new key, or old_relay_id, to put a new agent in its place.");
        }

        return request.OldRelayId is not null && request.GraceSeconds is > 0
            ? Failures.Invalid("grace_seconds goes with relay_id: an agent that another takes the place of is deactivated at once.")
            : null;
    }
}
