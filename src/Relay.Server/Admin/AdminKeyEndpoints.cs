using Microsoft.AspNetCore.Http.Features;
using Relay.Protocol;
using Relay.Server.Agents;
using Relay.Server.Audit;
using Relay.Server.Http;

namespace Relay.Server.Admin;

/// <summary><c>/api/v1/admin/keys</c>: who may administer the relay.</summary>
internal static class AdminKeyEndpoints
{
    private const int MaxRequestBytes = 4 << 10;
    private const int MaxNameLength = 100;

    public static void MapAdminKeys(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/v1/admin/keys").WithTags("Administration")
            .NeedsRole(AdminRole.Admin)
            .AddEndpointFilter<AdminFilter>();
        group.MapPost("", AddAsync)
            .Audited(AuditActs.MakeKey)
            .WithSummary("Makes an admin key; it is shown this once.")
            .Accepts<AdminKeyRequest>("application/json")
            .Produces<AdminKeyResponse>(StatusCodes.Status201Created)
            .Produces<ErrorResponse>(StatusCodes.Status400BadRequest)
            .Produces<ErrorResponse>(StatusCodes.Status401Unauthorized)
            .Produces<ErrorResponse>(StatusCodes.Status403Forbidden);
        group.MapGet("", ListAsync)
            .WithSummary("Lists admin keys, expired ones too, without the keys themselves.")
            .Produces<AdminKeyList>()
            .Produces<ErrorResponse>(StatusCodes.Status401Unauthorized)
            .Produces<ErrorResponse>(StatusCodes.Status403Forbidden);
        group.MapDelete("/{id}", RevokeAsync)
            .Audited(AuditActs.RevokeKey)
            .WithSummary("Revokes an admin key: at once on this node, within 5 seconds on every other.")
            .Produces(StatusCodes.Status204NoContent)
            .Produces<ErrorResponse>(StatusCodes.Status401Unauthorized)
            .Produces<ErrorResponse>(StatusCodes.Status403Forbidden)
            .Produces<ErrorResponse>(StatusCodes.Status404NotFound);
    }

    private static async Task<IResult> AddAsync(HttpContext context, AdminKeys keys, TimeProvider time, CancellationToken cancellationToken)
    {
        var (request, fault) = await JsonBody.ReadAsync(context.Request, AdminJson.Default.AdminKeyRequest, MaxRequestBytes, cancellationToken);
        var role = AdminRole.Viewer;
        fault ??= Validate(request ?? new AdminKeyRequest(), context.Features.GetRequiredFeature<AdminCaller>(), time.GetUtcNow(), out role);
        if (fault is not null)
        {
            return fault;
        }

        if (await keys.AddAsync(request!.Name!, role, request.ExpiresAt) is not { } made)
        {
            return Failures.Invalid($"{AdminKeys.MostKept} admin keys are kept already. Revoke some that are not used any more.");
        }

        var note = AuditNote.Of(context);
        (note.Target, note.Detail) = (made.Record.Id, $"{made.Record.Role.Text()}, {made.Record.Name}");
        context.Response.Headers.CacheControl = "no-store";
        return TypedResults.Json(
            AdminKeyResponse.Of(made.Record, made.Key), AdminJson.Default.AdminKeyResponse, statusCode: StatusCodes.Status201Created);
    }

    private static async Task<IResult> ListAsync(AdminKeys keys) => TypedResults.Json(
        new AdminKeyList([.. (await keys.ListAsync()).Select(static key => AdminKeyResponse.Of(key))], NextCursor: null), AdminJson.Default.AdminKeyList);

    private static async Task<IResult> RevokeAsync(string id, AdminKeys keys) => await keys.RevokeAsync(id)
        ? TypedResults.NoContent()
        : new ErrorResult(StatusCodes.Status404NotFound, ErrorCodes.NotFound, "No admin key has this id. GET /api/v1/admin/keys lists those that are there.");

    private static ErrorResult? Validate(AdminKeyRequest request, AdminCaller caller, DateTimeOffset now, out AdminRole role)
    {
        if (!AdminRoles.TryParse(request.Role, out role))
        {
            return Failures.Invalid($"role is {AdminRoles.All}.");
        }

        if (string.IsNullOrWhiteSpace(request.Name) || request.Name.Length > MaxNameLength || request.Name.Any(char.IsControl))
        {
            return Failures.Invalid($"name says whose key it is, in 1 to {MaxNameLength} characters.");
        }

        if (request.ExpiresAt <= now.ToUnixTimeMilliseconds())
        {
            return Failures.Invalid("expires_at is a time to come, in Unix milliseconds, or left out.");
        }

        return caller.ExpiresAt is { } end && (request.ExpiresAt ?? long.MaxValue) > end
            ? Failures.Invalid($"The key that makes this call expires: expires_at must be given and be {end} or earlier.")
            : null;
    }
}
