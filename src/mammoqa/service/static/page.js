// Upload with progress; without this script the form works as a plain one.
for (const form of document.querySelectorAll("form[data-upload]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const bar = form.querySelector("progress");
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.upload.addEventListener("progress", (at) => { if (at.lengthComputable) bar.value = at.loaded / at.total; });
    request.addEventListener("load", () => {
      if (request.status < 400) { location.href = request.responseURL || "/queue"; location.reload(); return; }
      document.open(); document.write(request.responseText); document.close();
    });
    bar.hidden = false;
    form.querySelector("button").disabled = true;
    request.send(new FormData(form));
  });
}
